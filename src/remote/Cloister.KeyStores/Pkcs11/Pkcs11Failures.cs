using Net.Pkcs11Interop.Common;

namespace Cloister.KeyStores.Pkcs11;

/// <summary>What return values of PKCS#11 mean.</summary>
internal static class Pkcs11Failures
{
    // CKR_AEAD_DECRYPT_FAILED of PKCS#11 3.0, which the package's list does not have.
    private const CKR AeadDecryptFailed = (CKR)0x42;

    public static bool IsLostSession(CKR value) => value is CKR.CKR_SESSION_HANDLE_INVALID or CKR.CKR_SESSION_CLOSED or CKR.CKR_USER_NOT_LOGGED_IN
        or CKR.CKR_DEVICE_REMOVED or CKR.CKR_TOKEN_NOT_PRESENT or CKR.CKR_CRYPTOKI_NOT_INITIALIZED or CKR.CKR_OPERATION_ACTIVE;

    /// <summary>A decryption that did not authenticate, for sure: tokens that follow PKCS#11.</summary>
    public static bool IsNotAuthentic(CKR value) => value is CKR.CKR_ENCRYPTED_DATA_INVALID or CKR.CKR_ENCRYPTED_DATA_LEN_RANGE or AeadDecryptFailed
        or CKR.CKR_WRAPPED_KEY_INVALID or CKR.CKR_WRAPPED_KEY_LEN_RANGE;

    /// <summary>SoftHSM says these, which may also mean that the token is broken.</summary>
    public static bool MayBeNotAuthentic(CKR value) => value is CKR.CKR_GENERAL_ERROR or CKR.CKR_FUNCTION_FAILED;

    public static KeyStoreException Of(Pkcs11Exception e) => new(
        e.RV is CKR.CKR_PIN_INCORRECT or CKR.CKR_PIN_LOCKED or CKR.CKR_PIN_EXPIRED or CKR.CKR_PIN_INVALID or CKR.CKR_PIN_LEN_RANGE or CKR.CKR_USER_PIN_NOT_INITIALIZED
            or CKR.CKR_KEY_FUNCTION_NOT_PERMITTED or CKR.CKR_ACTION_PROHIBITED or CKR.CKR_TOKEN_WRITE_PROTECTED or CKR.CKR_MECHANISM_INVALID
            ? KeyStoreFailure.Denied
            : KeyStoreFailure.Unavailable,
        $"the token says {e.RV}",
        e);
}
