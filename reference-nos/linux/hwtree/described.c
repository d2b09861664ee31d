/* SPDX-License-Identifier: Apache-2.0
 *
 * The items of a described tree: folders counted from 0.
 */
#include "reference-nos/linux/hwtree/hwtree_priv.h"

#include <stdio.h>

struct layout {
    const char *folder;
    int32_t divisor;
    const char *files[FILE_COUNT];
};

static const struct layout layouts[HW_KIND_COUNT] = {
    [HW_FAN] = {"fan",
                1,
                {[FILE_PRESENT] = "present",
                 [FILE_OK] = "ok",
                 [FILE_VALUE] = "rpm",
                 [FILE_SECONDARY] = "duty",
                 [FILE_MAX] = "max_rpm"}},
    [HW_PSU] = {"psu",
                1000,
                {[FILE_PRESENT] = "present",
                 [FILE_OK] = "ok",
                 [FILE_VALUE] = "output_mw"}},
    [HW_SENSOR] = {"temp",
                   1,
                   {[FILE_PRESENT] = "present",
                    [FILE_OK] = "ok",
                    [FILE_VALUE] = "input_mc",
                    [FILE_HIGH] = "high_mc",
                    [FILE_CRITICAL] = "critical_mc",
                    [FILE_NAME] = "name"}},
    [HW_LED] = {"led", 1, {[FILE_VALUE] = "state"}},
    [HW_OPTIC] = {"optic",
                  1,
                  {[FILE_PRESENT] = "present",
                   [FILE_OK] = "ok",
                   [FILE_VALUE] = "rx_cdbm",
                   [FILE_SECONDARY] = "tx_cdbm"}},
};

static int
kind_scan(struct hwtree *tree, enum hw_kind kind)
{
    const struct layout *layout = &layouts[kind];

    for (unsigned i = 0;; i++) {
        char folder[FOLDER_BYTES_MAX];
        struct item *item;

        snprintf(folder, sizeof(folder), "%s%u", layout->folder, i);
        if (!file_exists(tree, folder, "."))
            return 0;
        item = item_add(tree, kind, folder);
        if (item == NULL)
            return i == HWTREE_ITEMS_MAX ? ERR_RANGE : ERR_NOMEM;
        item->divisor = layout->divisor;
        item->full = 100;
        for (unsigned file = 0; file < FILE_COUNT; file++) {
            if (layout->files[file] != NULL)
                snprintf(item->files[file], FILE_NAME_MAX, "%s",
                         layout->files[file]);
        }
    }
}

int
described_scan(struct hwtree *tree)
{
    int error = 0;

    if (!file_exists(tree, ".", "."))
        return ERR_NOENT;
    for (unsigned kind = 0; kind < HW_KIND_COUNT && error == 0; kind++)
        error = kind_scan(tree, (enum hw_kind)kind);
    return error;
}
