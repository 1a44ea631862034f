using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Cloister.Enclave.Broker;

/// <summary>AES key unwrap, RFC 3394, with the default initial value. secrets: both keys pass through; nothing is kept.</summary>
internal static class AesKeyUnwrap
{
    private const int BlockSize = 16;
    private const int Half = 8;
    private const int Rounds = 6;
    private const ulong InitialValue = 0xA6A6A6A6A6A6A6A6;

    /// <summary>Unwraps a key.</summary>
    /// <param name="wrappingKey">16, 24 or 32 bytes.</param>
    /// <param name="wrapped">The key and 8 bytes, a multiple of 8, at least 24.</param>
    /// <param name="key">Exactly 8 bytes less than <paramref name="wrapped"/>; zeros when it is not authentic.</param>
    /// <returns>False when it is not authentic.</returns>
    internal static bool TryUnwrap(ReadOnlySpan<byte> wrappingKey, ReadOnlySpan<byte> wrapped, Span<byte> key)
    {
        int halves = (wrapped.Length / Half) - 1;
        if (wrapped.Length % Half != 0 || halves < 2 || key.Length != wrapped.Length - Half)
        {
            return false;
        }

        using Aes aes = Aes.Create();
        aes.SetKey(wrappingKey);
        Span<byte> block = stackalloc byte[BlockSize];
        wrapped[..Half].CopyTo(block);
        wrapped[Half..].CopyTo(key);
        for (int round = Rounds - 1; round >= 0; round--)
        {
            for (int half = halves; half >= 1; half--)
            {
                ulong step = (ulong)((halves * round) + half);
                BinaryPrimitives.WriteUInt64BigEndian(block, BinaryPrimitives.ReadUInt64BigEndian(block) ^ step);
                Span<byte> register = key.Slice((half - 1) * Half, Half);
                register.CopyTo(block[Half..]);
                aes.DecryptEcb(block, block, PaddingMode.None);
                block[Half..].CopyTo(register);
            }
        }

        Span<byte> expected = stackalloc byte[Half];
        BinaryPrimitives.WriteUInt64BigEndian(expected, InitialValue);
        bool authentic = CryptographicOperations.FixedTimeEquals(expected, block[..Half]);
        CryptographicOperations.ZeroMemory(block);
        if (!authentic)
        {
            CryptographicOperations.ZeroMemory(key);
        }

        return authentic;
    }
}
