using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Cloister.Enclave.Keys.Crypto;

/// <summary>SHA-256 in an OpenSSL digest context that is made once and used many times. Not thread-safe. secrets: the state of what was added.</summary>
internal sealed unsafe class DigestContext : SafeHandle
{
    private static readonly nint Sha256 = LibCrypto.FetchDigest(0, "SHA256", null);

    /// <summary>Makes a context.</summary>
    public DigestContext()
        : base(0, ownsHandle: true)
    {
        SetHandle(LibCrypto.NewDigest());
        Check(!IsInvalid && Sha256 != 0);
    }

    public override bool IsInvalid => handle == 0;

    /// <summary>Forgets what was added.</summary>
    internal void Begin() => Check(LibCrypto.DigestInit(handle, Sha256, 0) == 1);

    /// <summary>Adds a few KiB at most: the garbage collector waits meanwhile.</summary>
    internal void Add(ReadOnlySpan<byte> bytes)
    {
        fixed (byte* b = bytes)
        {
            Check(LibCrypto.DigestUpdate(handle, b, (nuint)bytes.Length) == 1);
        }
    }

    /// <summary>Gives the digest, 32 bytes.</summary>
    internal void Finish(Span<byte> digest)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(digest.Length, 32);
        fixed (byte* d = digest)
        {
            Check(LibCrypto.DigestFinal(handle, d, null) == 1);
        }
    }

    protected override bool ReleaseHandle()
    {
        LibCrypto.FreeDigest(handle);
        return true;
    }

    private static void Check(bool done)
    {
        if (!done)
        {
            throw new CryptographicException("libcrypto refused a SHA-256 operation");
        }
    }
}
