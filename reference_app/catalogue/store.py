"""What the shop's visitors see of the catalogue."""

from __future__ import annotations

from reference_app.catalogue.rules import Wish, page_of, page_parameters
from reference_app.catalogue.views import ViewCounter
from reference_app.errors import NotFound
from reference_app.port import Database, Row


class CatalogueStore:
    """Products and images, from the port that it is given."""

    def __init__(self, database: Database, views: ViewCounter) -> None:
        self._database = database
        self._views = views

    async def page(self, wish: Wish) -> Row:
        """A page of available products, and the cursor of the next.

        Raises:
            NotThere: the cursor is not one of this list.
        """
        if wish.is_plain():
            rows = await self._first_page(wish)
            # Read without a row beyond: a full page may be followed by an empty one.
            return page_of(rows, wish, more=len(rows) == wish.limit)
        rows = await self._database.read("products_page", page_parameters(wish))
        return page_of(rows, wish, more=len(rows) > wish.limit)

    async def _first_page(self, wish: Wish) -> list[Row]:
        if wish.size is None:
            return await self._database.read("products_newest", {})
        if wish.category is None:
            return await self._database.read("products_by_size", {"size": wish.size})
        return await self._database.read(
            "products_by_category_size", {"category": wish.category, "size": wish.size}
        )

    async def product(self, product_id: int) -> Row:
        """One product and its images; counts the view.

        Raises:
            NotThere: there is none, or it was removed.
        """
        found, images = await self._database.read_together(
            ("product_by_id", "images_of_product"), {"product_id": product_id}
        )
        if not found or found[0]["status"] == "removed":
            raise NotFound(f"There is no product {product_id}; take an id from GET /products.")
        self._views.count(product_id)
        return {**found[0], "images": images}

    async def images(self, entity_type: str, entity_id: int) -> list[Row]:
        """The images of one entity, in their order."""
        return await self._database.read(
            "images_for_entity", {"entity_type": entity_type, "entity_id": entity_id}
        )
