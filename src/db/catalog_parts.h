/* catalog_parts - which probe of the catalogue is which; for the two files that ask and that read. */
#ifndef SEEDOPS_DB_CATALOG_PARTS_H
#define SEEDOPS_DB_CATALOG_PARTS_H

enum {
    CATALOG_PATH, CATALOG_TABLES, CATALOG_SIZES, CATALOG_COLUMNS, CATALOG_DEFAULTS, CATALOG_TYPES,
    CATALOG_LABELS, CATALOG_KEYS, CATALOG_FOREIGN_KEYS, CATALOG_PARTS,
    CATALOG_NAMED = CATALOG_TABLES + 1, CATALOG_LISTED = CATALOG_SIZES + 1      /* so many are asked for a list */
};

#endif
