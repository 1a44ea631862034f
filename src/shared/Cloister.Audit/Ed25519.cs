using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Cloister.Audit;

/// <summary>
/// Ed25519 (RFC 8032): keys of 32 bytes, signatures of 64. Computed by OpenSSL 3's libcrypto, which the runtime uses for everything else and does not
/// offer Ed25519 of. secrets: none kept.
/// </summary>
public static partial class Ed25519
{
    /// <summary>Bytes of a private key, which is a seed, and of a public one.</summary>
    public const int KeySize = 32;

    /// <summary>Bytes of a signature.</summary>
    public const int SignatureSize = 64;

    private const string Library = "libcrypto.so.3";
    private const int Type = 1087; // NID_ED25519

    /// <summary>Whether a signature is authentic; false for a key or a signature of another length, and for a key that is none.</summary>
    public static bool Verify(ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature)
    {
        if (publicKey.Length != KeySize || signature.Length != SignatureSize)
            return false;
        nint key = NewPublic(Type, 0, publicKey, KeySize);
        nint context = NewContext();
        try
        {
            bool good = key != 0 && context != 0 && VerifyInit(context, 0, 0, 0, key) == 1
                && Verify(context, signature, SignatureSize, Readable(message), (nuint)message.Length) == 1;
            if (!good)
                ClearErrors(); // reasons stay in a queue of the thread, where the next user of OpenSSL would find them
            return good;
        }
        finally
        {
            FreeContext(context);
            FreeKey(key);
        }
    }

    // An empty span may point nowhere.
    private static ReadOnlySpan<byte> Readable(ReadOnlySpan<byte> message) => message.IsEmpty ? new byte[1] : message;

    [LibraryImport(Library, EntryPoint = "EVP_PKEY_new_raw_private_key")]
    private static partial nint NewPrivate(int type, nint engine, ReadOnlySpan<byte> key, nuint length);

    [LibraryImport(Library, EntryPoint = "EVP_PKEY_new_raw_public_key")]
    private static partial nint NewPublic(int type, nint engine, ReadOnlySpan<byte> key, nuint length);

    [LibraryImport(Library, EntryPoint = "EVP_PKEY_get_raw_public_key")]
    private static partial int GetPublic(nint key, Span<byte> bytes, ref nuint length);

    [LibraryImport(Library, EntryPoint = "EVP_PKEY_free")]
    private static partial void FreeKey(nint key);

    [LibraryImport(Library, EntryPoint = "EVP_MD_CTX_new")]
    private static partial nint NewContext();

    [LibraryImport(Library, EntryPoint = "EVP_MD_CTX_free")]
    private static partial void FreeContext(nint context);

    [LibraryImport(Library, EntryPoint = "EVP_DigestSignInit")]
    private static partial int SignInit(nint context, nint keyContext, nint digest, nint engine, nint key);

    [LibraryImport(Library, EntryPoint = "EVP_DigestSign")]
    private static partial int Sign(nint context, Span<byte> signature, ref nuint signatureLength, ReadOnlySpan<byte> message, nuint length);

    [LibraryImport(Library, EntryPoint = "EVP_DigestVerifyInit")]
    private static partial int VerifyInit(nint context, nint keyContext, nint digest, nint engine, nint key);

    [LibraryImport(Library, EntryPoint = "EVP_DigestVerify")]
    private static partial int Verify(nint context, ReadOnlySpan<byte> signature, nuint signatureLength, ReadOnlySpan<byte> message, nuint length);

    [LibraryImport(Library, EntryPoint = "ERR_clear_error")]
    private static partial void ClearErrors();

    /// <summary>A private key. Thread-safe. secrets: holds it, in OpenSSL's memory, wiped when disposed.</summary>
    public sealed class PrivateKey : SafeHandle
    {
        /// <summary>Takes a key.</summary>
        /// <param name="seed">32 bytes; stays the caller's, to wipe.</param>
        /// <exception cref="ArgumentException">It is not 32 bytes.</exception>
        public PrivateKey(ReadOnlySpan<byte> seed)
            : base(0, ownsHandle: true)
        {
            if (seed.Length != KeySize)
                throw new ArgumentException($"a key is {KeySize} bytes", nameof(seed));
            SetHandle(NewPrivate(Type, 0, seed, KeySize));
            byte[] publicKey = new byte[KeySize];
            nuint length = KeySize;
            if (IsInvalid || GetPublic(handle, publicKey, ref length) != 1)
                throw new CryptographicException("OpenSSL does not do Ed25519");
            PublicKey = publicKey;
        }

        /// <summary>32 bytes.</summary>
        public IReadOnlyList<byte> PublicKey { get; }

        /// <inheritdoc />
        public override bool IsInvalid => handle == 0;

        /// <summary>Signs.</summary>
        public byte[] Sign(ReadOnlySpan<byte> message)
        {
            bool held = false;
            nint context = NewContext();
            try
            {
                DangerousAddRef(ref held);
                byte[] signature = new byte[SignatureSize];
                nuint length = SignatureSize;
                return SignInit(context, 0, 0, 0, handle) == 1 && Ed25519.Sign(context, signature, ref length, Readable(message), (nuint)message.Length) == 1
                    ? signature
                    : throw new CryptographicException("OpenSSL does not sign with Ed25519");
            }
            finally
            {
                FreeContext(context);
                if (held)
                    DangerousRelease();
            }
        }

        /// <inheritdoc />
        protected override bool ReleaseHandle()
        {
            FreeKey(handle);
            return true;
        }
    }
}
