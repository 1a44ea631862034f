using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Cloister.Contracts.Keys;

namespace Cloister.Recovery;

/// <summary>Reads and writes shares.</summary>
internal static class RecoveryShareText
{
    private const string Heading = "cloister-share-1";
    private const string Digits = "abcdefghijklmnopqrstuvwxyz234567";
    private const byte FormatVersion = 1;
    private const int FixedSize = 63;
    private const int ChecksumSize = 8;
    private const int MaxTextSize = 4096;

    public static string Write(RecoveryShare share)
    {
        using MemoryStream bytes = new();
        bytes.WriteByte(FormatVersion);
        bytes.Write(share.Set.Id);
        bytes.WriteByte(share.Set.Threshold);
        bytes.WriteByte(share.X);
        bytes.Write(share.Set.Commitment);
        bytes.Write(share.Values);
        Span<byte> version = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(version, share.Kek.Version);
        bytes.Write(version);
        foreach (string text in (ReadOnlySpan<string>)[share.Kek.Authority, share.Kek.Name, share.Kek.Generation])
        {
            byte[] utf8 = Encoding.UTF8.GetBytes(text);
            bytes.WriteByte(checked((byte)utf8.Length));
            bytes.Write(utf8);
        }

        bytes.Write(SHA256.HashData(bytes.ToArray()).AsSpan(0, ChecksumSize));
        return InGroups(bytes.ToArray());
    }

    public static RecoveryShare Parse(string text)
    {
        string trimmed = text.Trim();
        if (text.Length > MaxTextSize || !trimmed.StartsWith(Heading, StringComparison.OrdinalIgnoreCase))
        {
            throw new RecoveryShareException($"this is not a recovery share: it must begin with {Heading}");
        }

        byte[] bytes = ToBytes(trimmed.AsSpan(Heading.Length));
        if (bytes.Length < FixedSize + ChecksumSize || !SHA256.HashData(bytes.AsSpan()[..^ChecksumSize]).AsSpan(0, ChecksumSize).SequenceEqual(bytes.AsSpan()[^ChecksumSize..]))
        {
            throw Damaged();
        }

        ReadOnlySpan<byte> rest = bytes.AsSpan(FixedSize..^ChecksumSize);
        KekIdentity kek = new(Text(ref rest), Text(ref rest), BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(59)), Text(ref rest));
        byte threshold = bytes[9];
        byte x = bytes[10];
        if (bytes[0] != FormatVersion || threshold < 2 || x == 0 || rest.Length != 0)
        {
            throw new RecoveryShareException("the share has a form that this program does not know");
        }

        return new RecoveryShare(new RecoverySet(bytes[1..9], threshold, bytes[11..27], kek), x, bytes[27..59]);
    }

    private static string Text(ref ReadOnlySpan<byte> rest)
    {
        if (rest.Length == 0 || rest.Length < 1 + rest[0])
        {
            throw Damaged();
        }

        string text = Encoding.UTF8.GetString(rest.Slice(1, rest[0]));
        rest = rest[(1 + rest[0])..];
        return text;
    }

    private static string InGroups(byte[] bytes)
    {
        StringBuilder text = new(Heading);
        int bits = bytes.Length * 8;
        for (int at = 0, digit = 0; at < bits; at += 5, digit++)
        {
            text.Append(digit % 48 == 0 ? "\n" : digit % 8 == 0 ? " " : "");
            int value = (bytes[at / 8] << 8) | (at / 8 + 1 < bytes.Length ? bytes[(at / 8) + 1] : 0);
            text.Append(Digits[(value >> (11 - (at % 8))) & 31]);
        }

        return text.Append('\n').ToString();
    }

    private static byte[] ToBytes(ReadOnlySpan<char> text)
    {
        List<byte> bytes = [];
        int value = 0;
        int bits = 0;
        foreach (char character in text)
        {
            if (char.IsWhiteSpace(character) || character == '-')
            {
                continue;
            }

            int digit = char.IsAscii(character) ? Digits.IndexOf(char.ToLowerInvariant(character), StringComparison.Ordinal) : -1;
            if (digit < 0)
            {
                throw Damaged();
            }

            value = ((value << 5) | digit) & 0xFFF;
            bits += 5;
            if (bits >= 8)
            {
                bits -= 8;
                bytes.Add((byte)((value >> bits) & 0xFF));
            }
        }

        return bits < 5 && (value & ((1 << bits) - 1)) == 0 ? [.. bytes] : throw Damaged();
    }

    private static RecoveryShareException Damaged() => new("the share was damaged: copy it again");
}
