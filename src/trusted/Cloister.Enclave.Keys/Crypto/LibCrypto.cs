using System.Runtime.InteropServices;

namespace Cloister.Enclave.Keys.Crypto;

/// <summary>
/// The few calls of OpenSSL 3's libcrypto that envelopes and values need, so that cipher and digest contexts can be used again.
/// The library is the same that the platform's own cryptography uses. Source: EVP_EncryptInit(3), EVP_DigestInit(3), RAND_seed(3). secrets: pass through, are not kept.
/// </summary>
internal static unsafe partial class LibCrypto
{
    internal const int ControlGetTag = 0x10;
    internal const int ControlSetTag = 0x11;

    private const string Library = "libcrypto.so.3";

    [LibraryImport(Library, EntryPoint = "EVP_CIPHER_CTX_new")]
    internal static partial nint NewContext();

    [LibraryImport(Library, EntryPoint = "EVP_CIPHER_CTX_free")]
    internal static partial void FreeContext(nint context);

    [LibraryImport(Library, EntryPoint = "EVP_aes_256_ecb")]
    internal static partial nint Aes256Ecb();

    [LibraryImport(Library, EntryPoint = "EVP_aes_256_gcm")]
    internal static partial nint Aes256Gcm();

    [LibraryImport(Library, EntryPoint = "EVP_CipherInit_ex")]
    [SuppressGCTransition]
    internal static partial int Init(nint context, nint cipher, nint engine, byte* key, byte* iv, int encrypt);

    [LibraryImport(Library, EntryPoint = "EVP_CIPHER_CTX_set_padding")]
    [SuppressGCTransition]
    internal static partial int SetPadding(nint context, int padding);

    [LibraryImport(Library, EntryPoint = "EVP_CIPHER_CTX_ctrl")]
    [SuppressGCTransition]
    internal static partial int Control(nint context, int type, int argument, byte* pointer);

    // For inputs of at most a few KiB: the garbage collector waits while it runs.
    [LibraryImport(Library, EntryPoint = "EVP_CipherUpdate")]
    [SuppressGCTransition]
    internal static partial int UpdateShort(nint context, byte* output, int* outputLength, byte* input, int inputLength);

    [LibraryImport(Library, EntryPoint = "EVP_CipherUpdate")]
    internal static partial int Update(nint context, byte* output, int* outputLength, byte* input, int inputLength);

    [LibraryImport(Library, EntryPoint = "EVP_CipherFinal_ex")]
    [SuppressGCTransition]
    internal static partial int Final(nint context, byte* output, int* outputLength);

    [LibraryImport(Library, EntryPoint = "RAND_seed")]
    internal static partial void Seed(byte* bytes, int length);

    [LibraryImport(Library, EntryPoint = "EVP_MD_fetch", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial nint FetchDigest(nint library, string name, string? properties);

    [LibraryImport(Library, EntryPoint = "EVP_MD_CTX_new")]
    internal static partial nint NewDigest();

    [LibraryImport(Library, EntryPoint = "EVP_MD_CTX_free")]
    internal static partial void FreeDigest(nint context);

    [LibraryImport(Library, EntryPoint = "EVP_DigestInit_ex2")]
    [SuppressGCTransition]
    internal static partial int DigestInit(nint context, nint digest, nint parameters);

    [LibraryImport(Library, EntryPoint = "EVP_DigestUpdate")]
    [SuppressGCTransition]
    internal static partial int DigestUpdate(nint context, byte* data, nuint length);

    [LibraryImport(Library, EntryPoint = "EVP_DigestFinal_ex")]
    [SuppressGCTransition]
    internal static partial int DigestFinal(nint context, byte* digest, uint* length);
}
