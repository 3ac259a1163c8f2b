/* safetensors.h: the public safetensors format: an 8-byte little-endian header length, a JSON header with
 * dtype, shape and data offsets of every tensor, then the numbers, little-endian. Files are read and written
 * by this module on machines of either byte order, and by every public loader.
 *
 * Example (compiled by the tests):
 *
 *     real theta[6] = {1, 2, 3, 4, 5, 6};
 *     fm_keep_list keep = {0};
 *     fm_error err;
 *     const nn_metadata metadata[] = {{"algo", "biac"}, {NULL, NULL}};
 *     const char *path = "/tmp/firstmover-example.safetensors";
 *     fm_keep_parameter(&keep, theta, 2, 3, "critic.0.weight");
 *     FM_CHECK(nn_safetensors_save(path, &keep, NN_PARAMETERS, metadata, &err) == FM_OK, "%s", err.text);
 *     theta[5] = 0;
 *     FM_CHECK(nn_safetensors_load(path, &keep, NN_PARAMETERS, &err) == FM_OK, "%s", err.text);
 *     FM_CHECK(theta[5] == 6, "read back");
 *     fm_keep_free(&keep);
 */
#ifndef NN_SAFETENSORS_H
#define NN_SAFETENSORS_H

#include "base/keep.h"
#include "base/error.h"

/* Text pairs of the header's "__metadata__", ended by a NULL key. */
typedef struct nn_metadata {
    const char *key, *value;
} nn_metadata;

/* As the value of a first pair with the key "checksum": the file carries the checksum (base/checksum.h) of
 * all its bytes, as they are with this value in its place. A file whose metadata begin so is checked
 * whenever it is read, before anything in it is believed. */
#define NN_CHECKSUM "0000000000000000"

/* Which items of a list. */
typedef enum nn_selection { NN_PARAMETERS, NN_STATE, NN_EVERYTHING } nn_selection;

/* Writes the selected items to `path`: complete or not at all (base/file.h). metadata may be NULL. Names
 * and metadata must be UTF-8. */
fm_status nn_safetensors_save(const char *path, const fm_keep_list *list, nn_selection selection,
                              const nn_metadata *metadata, fm_error *err);

/* Reads the selected items from `path` into their memory. Every selected item must be there with its dtype
 * and shape: the error names tensor, expected and found ("critic.0.weight: expected F32 [4, 64], found F32
 * [4, 32]"). Tensors of the file that the list does not have are an error too. A file that is cut, or whose
 * header is malformed, overlaps or points outside, is an error; nothing in the list is written unless
 * everything fits. A one-entry vector may stand in the file as a scalar, []. */
fm_status nn_safetensors_load(const char *path, const fm_keep_list *list, nn_selection selection,
                              fm_error *err);

/* The value of a metadata key, malloc'ed in *value (the caller frees it), or an error. */
fm_status nn_safetensors_metadata(const char *path, const char *key, char **value, fm_error *err);

#endif
