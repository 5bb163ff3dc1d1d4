"""The public catalogue."""

from __future__ import annotations

from reference_app.catalogue.rules import ProductQuery, page_of, page_parameters
from reference_app.catalogue.views import ViewCounter
from reference_app.errors import NotFound
from reference_app.port import Database, Row


class CatalogueStore:
    """Products and images."""

    def __init__(self, database: Database, views: ViewCounter) -> None:
        self._database = database
        self._views = views

    async def page(self, query: ProductQuery) -> Row:
        """A page of available products, and the cursor of the next.

        Raises:
            NotFound: the cursor is not one of this list.
        """
        if query.is_plain():
            rows = await self._first_page(query)
            # Read without an extra row: a full page may be followed by an empty one.
            return page_of(rows, query, more=len(rows) == query.limit)
        rows = await self._database.read("products_page", page_parameters(query))
        return page_of(rows, query, more=len(rows) > query.limit)

    async def _first_page(self, query: ProductQuery) -> list[Row]:
        if query.size is None:
            return await self._database.read("products_newest", {})
        if query.category is None:
            return await self._database.read("products_by_size", {"size": query.size})
        return await self._database.read(
            "products_by_category_size", {"category": query.category, "size": query.size}
        )

    async def product(self, product_id: int) -> Row:
        """One product and its images; counts the view.

        Raises:
            NotFound: there is none, or it was removed.
        """
        rows, images = await self._database.read_together(
            ("product_by_id", "images_of_product"), {"product_id": product_id}
        )
        if not rows or rows[0]["status"] == "removed":
            raise NotFound(f"There is no product {product_id}; take an id from GET /products.")
        self._views.count(product_id)
        return {**rows[0], "images": images}

    async def images(self, entity_type: str, entity_id: int) -> list[Row]:
        """The images of one entity, in their order."""
        return await self._database.read(
            "images_for_entity", {"entity_type": entity_type, "entity_id": entity_id}
        )
