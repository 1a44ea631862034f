using System.Security.Cryptography;

namespace Cloister.Cli.Kek;

/// <summary>Reads a KEK from a stream, never from the command line.</summary>
internal static class KekInput
{
    private const int KeySize = 32;

    /// <summary>32 bytes, or 64 hexadecimal digits with white space around them.</summary>
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
            return digits.Length == 2 * KeySize && Convert.FromHexString(digits, key, out _, out _) == System.Buffers.OperationStatus.Done
                ? key
                : throw new CliException($"{name} holds no KEK: 32 bytes, or 64 hexadecimal digits, are expected");
        }
        finally
        {
            CryptographicOperations.ZeroMemory(buffer);
        }
    }
}
