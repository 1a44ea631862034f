/* A PKCS#11 module before another one. Built by the tests.
   -DNSS: before the token of NSS, whose C_Initialize wants its folder in a member of the arguments that PKCS#11 does not have,
   and which forgets the tag when it is asked for the size of what AES-GCM encrypts; else before SoftHSM's:
   -DTOKEN_IV: every IV of AES-GCM is the token's; the caller's has to be zeros and is overwritten (AWS CloudHSM does so).
   -DWRAP_ONLY: nothing encrypts; keys are wrapped by CKM_AES_KEY_WRAP_PAD alone. */
#include <dlfcn.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned char CK_BYTE;
typedef unsigned long CK_ULONG, CK_RV, CK_SESSION_HANDLE, CK_OBJECT_HANDLE, CK_MECHANISM_TYPE;
typedef struct { CK_MECHANISM_TYPE mechanism; void *pParameter; CK_ULONG ulParameterLen; } CK_MECHANISM;
typedef struct { CK_BYTE *pIv; CK_ULONG ulIvLen, ulIvBits; CK_BYTE *pAAD; CK_ULONG ulAADLen, ulTagBits; } CK_GCM_PARAMS;

/* CK_FUNCTION_LIST of PKCS#11 2.40: a version, then 68 pointers, of which these are replaced. */
typedef struct { CK_BYTE version[8]; void *function[68]; } CK_FUNCTION_LIST;
enum { INITIALIZE = 0, ENCRYPT_INIT = 29, ENCRYPT = 30, DECRYPT_INIT = 33, WRAP_KEY = 60, GENERATE_RANDOM = 64 };
enum { CKR_GENERAL_ERROR = 0x5, CKR_MECHANISM_INVALID = 0x70, CKR_MECHANISM_PARAM_INVALID = 0x71 };
enum { CKM_AES_GCM = 0x1087, CKM_AES_KEY_WRAP_PAD = 0x210A };

#ifdef NSS
#define LIBRARY "libsoftokn3.so"
#else
#define LIBRARY "/usr/lib/softhsm/libsofthsm2.so"
#endif

static CK_FUNCTION_LIST real, mine;

typedef CK_RV (*init_function)(CK_SESSION_HANDLE, CK_MECHANISM *, CK_OBJECT_HANDLE);
typedef CK_RV (*wrap_function)(CK_SESSION_HANDLE, CK_MECHANISM *, CK_OBJECT_HANDLE, CK_OBJECT_HANDLE, CK_BYTE *, CK_ULONG *);
typedef CK_RV (*random_function)(CK_SESSION_HANDLE, CK_BYTE *, CK_ULONG);

#ifdef NSS
static CK_RV initialize(void *ignored)
{
    struct { void *mutex[4]; CK_ULONG flags; char *parameters; void *reserved; } arguments = { { 0 }, 2 /* CKF_OS_LOCKING_OK */, getenv("NSS_LIB_PARAMS"), NULL };
    (void)ignored;
    return ((CK_RV (*)(void *))real.function[INITIALIZE])(&arguments);
}

static CK_RV encrypt(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG size, CK_BYTE *out, CK_ULONG *out_size)
{
    CK_RV rv = ((CK_RV (*)(CK_SESSION_HANDLE, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG *))real.function[ENCRYPT])(session, data, size, out, out_size);
    if (rv == 0 && out == NULL)
        *out_size += 16;
    return rv;
}
#endif

#ifdef TOKEN_IV
static CK_RV encrypt_init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    if (mechanism->mechanism == CKM_AES_GCM) {
        CK_GCM_PARAMS *gcm = mechanism->pParameter;
        for (CK_ULONG i = 0; i < gcm->ulIvLen; i++)
            if (gcm->pIv[i] != 0)
                return CKR_MECHANISM_PARAM_INVALID;
        CK_RV rv = ((random_function)real.function[GENERATE_RANDOM])(session, gcm->pIv, gcm->ulIvLen);
        if (rv != 0)
            return rv;
    }
    return ((init_function)real.function[ENCRYPT_INIT])(session, mechanism, key);
}
#endif

#ifdef WRAP_ONLY
static CK_RV refuse(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    (void)session; (void)mechanism; (void)key;
    return CKR_MECHANISM_INVALID;
}

static CK_RV wrap(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE by, CK_OBJECT_HANDLE key, CK_BYTE *out, CK_ULONG *size)
{
    return mechanism->mechanism == CKM_AES_KEY_WRAP_PAD ? ((wrap_function)real.function[WRAP_KEY])(session, mechanism, by, key, out, size) : CKR_MECHANISM_INVALID;
}
#endif

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list)
{
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    CK_RV (*get)(CK_FUNCTION_LIST **) = library ? (CK_RV (*)(CK_FUNCTION_LIST **))dlsym(library, "C_GetFunctionList") : NULL;
    CK_FUNCTION_LIST *theirs;
    if (get == NULL || get(&theirs) != 0)
        return CKR_GENERAL_ERROR;
    real = *theirs;
    mine = *theirs;
#ifdef NSS
    mine.function[INITIALIZE] = (void *)initialize;
    mine.function[ENCRYPT] = (void *)encrypt;
#endif
#ifdef TOKEN_IV
    mine.function[ENCRYPT_INIT] = (void *)encrypt_init;
#endif
#ifdef WRAP_ONLY
    mine.function[ENCRYPT_INIT] = (void *)refuse;
    mine.function[DECRYPT_INIT] = (void *)refuse;
    mine.function[WRAP_KEY] = (void *)wrap;
#endif
    *list = &mine;
    return 0;
}
