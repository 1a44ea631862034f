using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Cloister.Xaes;

/// <summary>
/// A key of XAES-256-GCM that is used often: AES and the CMAC subkey are set up once. Messages as of <see cref="PortableXaes"/>. Thread-safe.
/// secrets: holds the key in pinned memory, locked and not dumped, wiped when disposed; derived keys are wiped. libcrypto's heap holds the key schedule meanwhile.
/// </summary>
public sealed class XaesKey : IDisposable
{
    private const int NonceSize = 24;
    private const int TagSize = 16;
    private const int GcmNonceSize = 12;

    private readonly Lock _lock = new();
    private readonly byte[] _key = KeyPages.Allocate(PortableXaes.KeySize);
    private readonly byte[] _blocks = KeyPages.Allocate(PortableXaes.KeySize);
    private readonly byte[] _derived = KeyPages.Allocate(PortableXaes.KeySize);
    private readonly Aes _aes = Aes.Create();
    private readonly ICryptoTransform _ecb;
    private readonly UInt128 _k1;
    private bool _isDisposed;

    /// <summary>Copies the key, 32 bytes.</summary>
    /// <exception cref="ArgumentException">Another length.</exception>
    public XaesKey(ReadOnlySpan<byte> key)
    {
        if (key.Length != PortableXaes.KeySize)
        {
            throw new ArgumentException("a key has 32 bytes", nameof(key));
        }

        key.CopyTo(_key);
        _aes.Mode = CipherMode.ECB;
        _aes.Padding = PaddingMode.None;
        _aes.SetKey(key);
        _ecb = _aes.CreateEncryptor();
        _ecb.TransformBlock(new byte[16], 0, 16, _blocks, 0);
        UInt128 l = BinaryPrimitives.ReadUInt128BigEndian(_blocks);
        _k1 = (l << 1) ^ ((l >> 127) == UInt128.One ? (UInt128)0x87 : UInt128.Zero);
    }

    /// <summary>Copies the 32 bytes of the key.</summary>
    /// <exception cref="ObjectDisposedException">The key was wiped.</exception>
    public void CopyTo(Span<byte> destination)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            _key.CopyTo(destination);
        }
    }

    /// <summary>Encrypts with a random nonce.</summary>
    /// <exception cref="ObjectDisposedException">The key was wiped.</exception>
    public byte[] Encrypt(ReadOnlySpan<byte> plaintext, ReadOnlySpan<byte> aad)
    {
        byte[] message = new byte[NonceSize + plaintext.Length + TagSize];
        RandomNumberGenerator.Fill(message.AsSpan(0, NonceSize));
        using AesGcm gcm = ForNonce(message);
        gcm.Encrypt(message.AsSpan(GcmNonceSize, GcmNonceSize), plaintext, message.AsSpan(NonceSize, plaintext.Length), message.AsSpan(NonceSize + plaintext.Length), aad);
        return message;
    }

    /// <summary>Decrypts a message; null when it does not authenticate.</summary>
    /// <exception cref="ObjectDisposedException">The key was wiped.</exception>
    public byte[]? Decrypt(ReadOnlySpan<byte> message, ReadOnlySpan<byte> aad)
    {
        if (message.Length < PortableXaes.Overhead)
        {
            return null;
        }

        byte[] plaintext = new byte[message.Length - PortableXaes.Overhead];
        using AesGcm gcm = ForNonce(message);
        try
        {
            gcm.Decrypt(message[GcmNonceSize..NonceSize], message[NonceSize..^TagSize], message[^TagSize..], plaintext, aad);
            return plaintext;
        }
        catch (AuthenticationTagMismatchException)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
        {
            if (!_isDisposed)
            {
                _isDisposed = true;
                CryptographicOperations.ZeroMemory(_key);
                CryptographicOperations.ZeroMemory(_blocks);
                _ecb.Dispose();
                _aes.Dispose();
            }
        }
    }

    /// <summary>Writes the AES-256-GCM key for the first 12 bytes of a nonce, 32 bytes.</summary>
    /// <exception cref="ObjectDisposedException">The key was wiped.</exception>
    internal void Derive(ReadOnlySpan<byte> nonce, byte[] derived)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            for (byte counter = 1; counter <= 2; counter++)
            {
                Span<byte> block = _blocks.AsSpan((counter - 1) * 16, 16);
                block[0] = 0;
                block[1] = counter;
                block[2] = 0x58;
                block[3] = 0;
                nonce[..12].CopyTo(block[4..]);
                BinaryPrimitives.WriteUInt128BigEndian(block, BinaryPrimitives.ReadUInt128BigEndian(block) ^ _k1);
            }

            _ecb.TransformBlock(_blocks, 0, _blocks.Length, derived, 0);
        }
    }

    private AesGcm ForNonce(ReadOnlySpan<byte> nonce)
    {
        lock (_lock)
        {
            try
            {
                Derive(nonce, _derived);
                return new AesGcm(_derived, TagSize);
            }
            finally
            {
                CryptographicOperations.ZeroMemory(_derived);
            }
        }
    }
}
