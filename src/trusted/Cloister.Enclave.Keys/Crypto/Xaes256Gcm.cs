using System.Buffers.Binary;
using System.Security.Cryptography;
using Cloister.Enclave.Keys.Memory;

namespace Cloister.Enclave.Keys.Crypto;

/// <summary>
/// XAES-256-GCM, the construction of C2SP on AES-256: a key for AES-256-GCM is derived from the first half of a 24-byte nonce
/// (CMAC-style, NIST SP 800-108r1 in counter mode), the second half is its nonce. Random nonces are safe for 2^80 messages.
/// Key 32 bytes, nonce 24, tag 16. Thread-safe. Source: c2sp.org/XAES-256-GCM.
/// secrets: key schedule and subkey of its key until disposed.
/// </summary>
public sealed class Xaes256Gcm : IDisposable
{
    /// <summary>Bytes of a nonce.</summary>
    public const int NonceSize = 24;

    /// <summary>Bytes of a tag.</summary>
    public const int TagSize = 16;

    private const int BlockSize = 16;

    private readonly Lock _gate = new();
    private readonly CipherContext _blocks = CipherContext.Aes256Blocks();
    private readonly CipherContext _gcm = CipherContext.Aes256Gcm();
    private readonly byte[] _subkey = GC.AllocateUninitializedArray<byte>(BlockSize, pinned: true);
    private bool _disposed;

    /// <summary>Sets the key, which the caller keeps.</summary>
    public Xaes256Gcm(SecretKey key)
    {
        key.Use(this, static (bytes, self) =>
        {
            self.SetKey(bytes);
            return true;
        });
    }

    /// <summary>Encrypts.</summary>
    /// <param name="nonce">24 bytes, never used before with this key; random.</param>
    /// <param name="plaintext">Any length.</param>
    /// <param name="associatedData">Authenticated, not encrypted.</param>
    /// <param name="output">Ciphertext and tag: exactly the plaintext's length and 16 bytes.</param>
    public void Encrypt(ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> plaintext, ReadOnlySpan<byte> associatedData, Span<byte> output)
    {
        CheckNonce(nonce);
        ArgumentOutOfRangeException.ThrowIfNotEqual(output.Length, plaintext.Length + TagSize);
        lock (_gate)
        {
            KeyForNonce(nonce, encrypt: true);
            _gcm.Authenticate(associatedData);
            _gcm.Update(plaintext, output[..plaintext.Length]);
            _gcm.FinishEncryption(output[plaintext.Length..]);
        }
    }

    /// <summary>Decrypts; false, and an output of zeros, when anything does not fit.</summary>
    /// <param name="nonce">24 bytes.</param>
    /// <param name="input">Ciphertext and tag.</param>
    /// <param name="associatedData">As at encryption.</param>
    /// <param name="plaintext">Exactly the input's length less 16 bytes.</param>
    public bool TryDecrypt(ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> input, ReadOnlySpan<byte> associatedData, Span<byte> plaintext)
    {
        CheckNonce(nonce);
        ArgumentOutOfRangeException.ThrowIfLessThan(input.Length, TagSize);
        ArgumentOutOfRangeException.ThrowIfNotEqual(plaintext.Length, input.Length - TagSize);
        bool authentic;
        lock (_gate)
        {
            KeyForNonce(nonce, encrypt: false);
            _gcm.Authenticate(associatedData);
            _gcm.Update(input[..plaintext.Length], plaintext);
            authentic = _gcm.FinishDecryption(input[plaintext.Length..]);
        }

        if (!authentic)
        {
            CryptographicOperations.ZeroMemory(plaintext);
        }

        return authentic;
    }

    /// <summary>Wipes the key.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            CryptographicOperations.ZeroMemory(_subkey);
            _blocks.Dispose();
            _gcm.Dispose();
        }
    }

    /// <summary>No bytes.</summary>
    public override string ToString() => "XAES-256-GCM key";

    private static void CheckNonce(ReadOnlySpan<byte> nonce) =>
        ArgumentOutOfRangeException.ThrowIfNotEqual(nonce.Length, NonceSize);

    private void SetKey(ReadOnlySpan<byte> key)
    {
        _blocks.Key(key, default, encrypt: true);

        // K1 of CMAC: AES(0) doubled in GF(2^128).
        Span<byte> zero = stackalloc byte[BlockSize];
        zero.Clear();
        _blocks.Update(zero, _subkey);
        UInt128 block = BinaryPrimitives.ReadUInt128BigEndian(_subkey);
        UInt128 reduction = unchecked(UInt128.Zero - (block >> 127)) & 0x87;
        BinaryPrimitives.WriteUInt128BigEndian(_subkey, (block << 1) ^ reduction);
    }

    private void KeyForNonce(ReadOnlySpan<byte> nonce, bool encrypt)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        Span<byte> derived = stackalloc byte[2 * BlockSize];
        for (int half = 0; half < 2; half++)
        {
            Span<byte> block = derived.Slice(half * BlockSize, BlockSize);
            block[0] = 0;
            block[1] = (byte)(half + 1);
            block[2] = (byte)'X';
            block[3] = 0;
            nonce[..12].CopyTo(block[4..]);
            for (int i = 0; i < BlockSize; i++)
            {
                block[i] ^= _subkey[i];
            }
        }

        _blocks.Update(derived, derived);
        _gcm.Key(derived, nonce[12..], encrypt);
        CryptographicOperations.ZeroMemory(derived);
    }
}
