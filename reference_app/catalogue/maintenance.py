"""Changes of products and images by staff.

A change and its activity record are one transaction.
"""

from __future__ import annotations

from reference_app import activity_log, paging
from reference_app.accounts.authorization import Caller
from reference_app.catalogue.models import NewImage, NewProduct, ProductChange
from reference_app.clock import Clock, text_of
from reference_app.errors import Conflict, NotFound
from reference_app.port import Database, Row, Transaction
from reference_app.stock import ledger

_LARGEST_ID = 2**63 - 1


class CatalogueMaintenance:
    """Lists and changes the catalogue, for staff."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def products(self, status: str | None, after: str | None, limit: int) -> Row:
        """A page of products of a status, or of any; the last added first.

        Raises:
            NotFound: the cursor is not one of this list.
        """
        below = _LARGEST_ID if after is None else paging.unpack(after, int)[0]
        rows = await self._database.read(
            "products_for_staff", {"status": status, "below_id": below, "limit": limit + 1}
        )
        return paging.page(rows, limit, "id")

    async def add_product(self, caller: Caller, new: NewProduct) -> Row:
        """Add a product; its stock is an intake of the ledger.

        Raises:
            Conflict: the sku is taken.
        """
        now = text_of(self._clock.now())

        def work(transaction: Transaction) -> Row:
            if transaction.read("product_by_sku", {"sku": new.sku}):
                raise Conflict(f"The sku {new.sku} is taken; give the product another one.")
            values = new.model_dump(exclude={"quantity"})
            product_id = transaction.insert(
                "add_product", {**values, "featured": int(new.featured), "now": now}
            )
            ledger.move(transaction, {product_id: new.quantity}, "intake", now)
            activity_log.record_action(
                transaction, caller, "add_product", ("product", product_id), now, values
            )
            return _product(transaction, product_id)

        return await self._database.transact(work)

    async def change_product(self, caller: Caller, product_id: int, change: ProductChange) -> Row:
        """Change the attributes of a product; its stock changes through the ledger only.

        Raises:
            NotFound: there is none, or it was removed.
        """
        now = text_of(self._clock.now())

        def work(transaction: Transaction) -> Row:
            _require_product(transaction, product_id)
            featured = None if change.featured is None else int(change.featured)
            transaction.write(
                "change_product",
                {**change.model_dump(), "featured": featured, "product_id": product_id, "now": now},
            )
            details = change.model_dump(exclude_none=True)
            activity_log.record_action(
                transaction, caller, "change_product", ("product", product_id), now, details
            )
            return _product(transaction, product_id)

        return await self._database.transact(work)

    async def remove_product(self, caller: Caller, product_id: int) -> None:
        """Take a product out of the shop; its orders and its ledger stay.

        Raises:
            NotFound: there is none, or it was removed already.
            Conflict: somebody holds a reservation of it.
        """
        now = text_of(self._clock.now())

        def work(transaction: Transaction) -> None:
            _require_product(transaction, product_id)
            if not transaction.write("remove_product", {"product_id": product_id, "now": now}):
                raise Conflict(
                    f"Product {product_id} is reserved; remove it when the reservation has ended."
                )
            activity_log.record_action(
                transaction, caller, "remove_product", ("product", product_id), now
            )

        await self._database.transact(work)

    async def add_image(self, caller: Caller, new: NewImage) -> Row:
        """Add an image of an entity.

        Raises:
            NotFound: there is no such entity.
            Conflict: the external id is taken.
        """
        now = text_of(self._clock.now())

        def work(transaction: Transaction) -> Row:
            entity = {"entity_type": new.entity_type, "entity_id": new.entity_id}
            if not transaction.read("entity_of_image", entity)[0]["there"]:
                raise NotFound(
                    f"There is no {new.entity_type} {new.entity_id}; "
                    "give the id of one, or the entity_type `other`."
                )
            if transaction.read("image_by_external_id", {"external_id": new.external_id}):
                raise Conflict(f"The external id {new.external_id} is taken; give another one.")
            image_id = transaction.insert("add_image", {**new.model_dump(), "now": now})
            activity_log.record_action(
                transaction, caller, "add_image", ("image", image_id), now, entity
            )
            return _image(transaction, image_id)

        return await self._database.transact(work)

    async def place_image(self, caller: Caller, image_id: int, position: int) -> Row:
        """Change the position of an image among those of its entity.

        Raises:
            NotFound: there is no such picture.
        """
        now = text_of(self._clock.now())

        def work(transaction: Transaction) -> Row:
            _image(transaction, image_id)
            transaction.write("place_image", {"image_id": image_id, "position": position})
            details = {"position": position}
            activity_log.record_action(
                transaction, caller, "place_image", ("image", image_id), now, details
            )
            return _image(transaction, image_id)

        return await self._database.transact(work)

    async def remove_image(self, caller: Caller, image_id: int) -> None:
        """Remove an image.

        Raises:
            NotFound: there is no such picture.
        """
        now = text_of(self._clock.now())

        def work(transaction: Transaction) -> None:
            image = _image(transaction, image_id)
            transaction.write("remove_image", {"image_id": image_id})
            details = {name: image[name] for name in ("external_id", "entity_type", "entity_id")}
            activity_log.record_action(
                transaction, caller, "remove_image", ("image", image_id), now, details
            )

        await self._database.transact(work)


def _require_product(transaction: Transaction, product_id: int) -> None:
    rows = transaction.read("product_by_id", {"product_id": product_id})
    if not rows or rows[0]["status"] == "removed":
        raise NotFound(f"There is no product {product_id}; take an id from GET /admin/products.")


def _product(transaction: Transaction, product_id: int) -> Row:
    rows = transaction.read("product_by_id", {"product_id": product_id})
    images = transaction.read("images_of_product", {"product_id": product_id})
    return {**rows[0], "images": images}


def _image(transaction: Transaction, image_id: int) -> Row:
    rows = transaction.read("image_by_id", {"image_id": image_id})
    if not rows:
        raise NotFound(f"There is no image {image_id}; take an id from GET /images.")
    return rows[0]
