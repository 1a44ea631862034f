using System.Buffers;
using System.Buffers.Text;
using System.Security.Cryptography;
using Cloister.Contracts.Keys;

namespace Cloister.Cli.Kek;

/// <summary>Reads a KEK from a stream, never from the command line.</summary>
internal static class KekInput
{
    private const int KeySize = 32;
    private const int Base64Size = 44;

    /// <summary>32 bytes, or as a text with white space around it: 64 hexadecimal digits, or 44 characters of base64.</summary>
    /// <param name="input">The stream.</param>
    /// <param name="name">What it is called in the message.</param>
    /// <exception cref="CliException">Anything else.</exception>
    internal static byte[] Read(Stream input, string name = "standard input")
    {
        byte[] buffer = GC.AllocateArray<byte>(256, pinned: true);
        try
        {
            int length = input.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
            if (length == KeySize)
            {
                return buffer.AsSpan(0, KeySize).ToArray();
            }

            ReadOnlySpan<byte> digits = buffer.AsSpan(0, length).Trim(" \t\r\n"u8);
            byte[] key = new byte[KeySize];
            bool read = digits.Length switch
            {
                2 * KeySize => Convert.FromHexString(digits, key, out _, out _) == OperationStatus.Done,
                Base64Size => Base64.DecodeFromUtf8(digits, key, out _, out int written) == OperationStatus.Done && written == KeySize,
                _ => false,
            };
            return read ? key : throw new CliException($"{name} holds no KEK: 32 bytes, 64 hexadecimal digits or 44 characters of base64 are expected");
        }
        finally
        {
            CryptographicOperations.ZeroMemory(buffer);
        }
    }

    /// <summary>The key_id that an enclave gives a KEK that is imported. Source: docs/envelope-format.md, "key_id".</summary>
    internal static string KeyIdOf(string name, uint version, ReadOnlySpan<byte> key)
    {
        Span<byte> generation = stackalloc byte[16];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, key, generation, salt: default, info: "cloister-kek-generation-v1"u8);
        return KeyId.Format(new KekIdentity(KekIdentity.ManualAuthority, name, version, Convert.ToHexStringLower(generation)).Fingerprint());
    }
}
