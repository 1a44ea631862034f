using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Cloister.Enclave.Keys.Crypto;

/// <summary>
/// An OpenSSL cipher context that is made once and keyed many times. Not thread-safe. secrets: the key schedule of the last key,
/// in OpenSSL's heap; cleansed by OpenSSL when freed.
/// </summary>
internal sealed unsafe class CipherContext : SafeHandle
{
    private const int ShortLimit = 4096;

    /// <summary>Makes a context without cipher and key.</summary>
    public CipherContext()
        : base(0, ownsHandle: true)
    {
        SetHandle(LibCrypto.NewContext());
        if (IsInvalid)
        {
            throw new CryptographicException("libcrypto gave no cipher context");
        }
    }

    public override bool IsInvalid => handle == 0;

    /// <summary>A context for AES-256 of single blocks, to be keyed with <see cref="Key"/>.</summary>
    internal static CipherContext Aes256Blocks()
    {
        CipherContext context = new();
        Check(LibCrypto.Init(context.handle, LibCrypto.Aes256Ecb(), 0, null, null, 1));
        Check(LibCrypto.SetPadding(context.handle, 0));
        return context;
    }

    /// <summary>A context for AES-256-GCM with 12-byte nonces, to be keyed with <see cref="Key"/>.</summary>
    internal static CipherContext Aes256Gcm()
    {
        CipherContext context = new();
        Check(LibCrypto.Init(context.handle, LibCrypto.Aes256Gcm(), 0, null, null, 1));
        return context;
    }

    /// <summary>Sets key (32 bytes), nonce (12 bytes, or empty for blocks) and direction.</summary>
    internal void Key(ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, bool encrypt)
    {
        fixed (byte* k = key, n = nonce)
        {
            Check(LibCrypto.Init(handle, 0, 0, k, n, encrypt ? 1 : 0));
        }
    }

    /// <summary>Passes <paramref name="input"/> through the cipher into as many bytes of <paramref name="output"/>.</summary>
    internal void Update(ReadOnlySpan<byte> input, Span<byte> output)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(output.Length, input.Length);
        fixed (byte* i = input, o = output)
        {
            Update(o, i, input.Length);
        }
    }

    /// <summary>Adds associated data.</summary>
    internal void Authenticate(ReadOnlySpan<byte> associatedData)
    {
        if (associatedData.IsEmpty)
        {
            return;
        }

        fixed (byte* a = associatedData)
        {
            Update(null, a, associatedData.Length);
        }
    }

    /// <summary>Ends an encryption and gives the tag, 16 bytes.</summary>
    internal void FinishEncryption(Span<byte> tag)
    {
        byte* rest = stackalloc byte[16];
        int length = 0;
        Check(LibCrypto.Final(handle, rest, &length));
        fixed (byte* t = tag)
        {
            Check(LibCrypto.Control(handle, LibCrypto.ControlGetTag, 16, t));
        }
    }

    /// <summary>Ends a decryption; false when the tag is wrong.</summary>
    internal bool FinishDecryption(ReadOnlySpan<byte> tag)
    {
        byte* rest = stackalloc byte[16];
        int length = 0;
        fixed (byte* t = tag)
        {
            Check(LibCrypto.Control(handle, LibCrypto.ControlSetTag, 16, t));
        }

        return LibCrypto.Final(handle, rest, &length) == 1;
    }

    protected override bool ReleaseHandle()
    {
        LibCrypto.FreeContext(handle);
        return true;
    }

    private static void Check(int result)
    {
        if (result != 1)
        {
            throw new CryptographicException("libcrypto refused an AES-256 operation");
        }
    }

    private void Update(byte* output, byte* input, int length)
    {
        int written = 0;
        int result = length <= ShortLimit
            ? LibCrypto.UpdateShort(handle, output, &written, input, length)
            : LibCrypto.Update(handle, output, &written, input, length);
        Check(result);
    }
}
