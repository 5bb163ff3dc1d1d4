"""What the catalogue reads. No SQL (it has names) and no HTTP may enter."""

from __future__ import annotations

from reference_app.pool import Database, Row


class CatalogueStore:
    """Products and images, from the port that it is given."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def newest(self, size: str | None, category: str | None) -> list[Row]:
        """Available products, newest 24: of a size, of a category and size, or of any."""
        if size is None:
            return await self._database.read("products_newest", {})
        if category is None:
            return await self._database.read("products_by_size", {"size": size})
        return await self._database.read(
            "products_by_category_size", {"category": category, "size": size}
        )

    async def product(self, product_id: int) -> Row | None:
        """One product and its images, None if there is none."""
        found, images = await self._database.read_together(
            ("product_by_id", "images_of_product"), {"product_id": product_id}
        )
        return {**found[0], "images": images} if found else None

    async def images(self, entity_type: str, entity_id: int) -> list[Row]:
        """The images of one entity, in their order."""
        return await self._database.read(
            "images_for_entity", {"entity_type": entity_type, "entity_id": entity_id}
        )
