using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Cloister.Contracts.Keys;

namespace Cloister.Recovery;

/// <summary>Reads and writes shares.</summary>
internal static class RecoveryShareText
{
    /// <summary>Kind of the key that a share of version 2 is of: an authority's.</summary>
    public const byte AuthorityKind = 1;

    private const string Heading = "cloister-share-";
    private const string Digits = "abcdefghijklmnopqrstuvwxyz234567";
    private const int CommonSize = 59;
    private const int ChecksumSize = 8;
    private const int MaxTextSize = 4096;
    private const int Signed = 2;
    private const int ProofSize = ShareProof.CommitmentSize + ShareProof.SignatureSize;

    public static string Write(RecoveryShare share)
    {
        using MemoryStream bytes = new();
        WriteUnsigned(bytes, share);
        bytes.Write(share.Proof?.Signature);
        bytes.Write(SHA256.HashData(bytes.ToArray()).AsSpan(0, ChecksumSize));
        return InGroups(VersionOf(share), bytes.ToArray());
    }

    /// <summary>What the authority signs of a share: a label, then everything before the signature.</summary>
    public static byte[] SignedBytes(RecoveryShare share)
    {
        using MemoryStream bytes = new();
        bytes.Write("cloister-share-signature-v1"u8);
        WriteUnsigned(bytes, share);
        return bytes.ToArray();
    }

    // Signed shares have the numbers after those of unsigned ones.
    private static byte VersionOf(RecoveryShare share) => (byte)(share.Set.Version + (share.Proof is null ? 0 : Signed));

    private static void WriteUnsigned(MemoryStream bytes, RecoveryShare share)
    {
        bytes.WriteByte(VersionOf(share));
        bytes.Write(share.Set.Id);
        bytes.WriteByte(share.Set.Threshold);
        bytes.WriteByte(share.X);
        bytes.Write(share.Set.Commitment);
        bytes.Write(share.Values);
        if (share.Kek is { } kek)
        {
            Write(bytes, kek);
        }
        else
        {
            bytes.WriteByte(AuthorityKind);
            bytes.Write(Convert.FromHexString(share.Authority));
        }

        bytes.Write(share.Proof?.Commitment);
    }

    /// <summary>The texts of shares that stand one after the other; what is before the first heading is one too, which Parse refuses.</summary>
    public static IEnumerable<string> Divide(string text)
    {
        int start = 0;
        while (start < text.Length)
        {
            int next = text.IndexOf(Heading, start + 1, StringComparison.OrdinalIgnoreCase);
            string part = next < 0 ? text[start..] : text[start..next];
            start = next < 0 ? text.Length : next;
            if (!string.IsNullOrWhiteSpace(part))
            {
                yield return part;
            }
        }
    }

    public static RecoveryShare Parse(string text)
    {
        string trimmed = text.Trim();
        if (text.Length > MaxTextSize || !trimmed.StartsWith(Heading, StringComparison.OrdinalIgnoreCase))
        {
            throw new RecoveryShareException(
                $"this is not a recovery share: it must begin with {Heading} and a digit. One that is sealed to its keeper is opened with 'cloister kek open-share'");
        }

        int version = trimmed.AsSpan(Heading.Length) is [>= '1' and <= '4', ..] ? trimmed[Heading.Length] - '0' : throw Unknown();
        int proofSize = version > Signed ? ProofSize : 0;
        byte[] bytes = ToBytes(trimmed.AsSpan(Heading.Length + 1));
        if (bytes.Length < CommonSize + proofSize + ChecksumSize || !SHA256.HashData(bytes.AsSpan()[..^ChecksumSize]).AsSpan(0, ChecksumSize).SequenceEqual(bytes.AsSpan()[^ChecksumSize..]))
        {
            throw Damaged();
        }

        (byte threshold, byte x) = (bytes[9], bytes[10]);
        if (bytes[0] != version || threshold < 2 || x == 0)
        {
            throw Unknown();
        }

        ReadOnlySpan<byte> subject = bytes.AsSpan(CommonSize..^(proofSize + ChecksumSize));
        ReadOnlySpan<byte> proof = bytes.AsSpan(^(proofSize + ChecksumSize)..^ChecksumSize);
        KekIdentity? kek = version % Signed == 1 ? ReadKek(subject) : null;
        RecoverySet set = new(bytes[1..9], threshold, bytes[11..27], kek?.Authority ?? ReadAuthority(subject), kek);
        return new RecoveryShare(
            set, x, bytes[27..CommonSize],
            proof.IsEmpty ? null : new ShareProof(proof[..ShareProof.CommitmentSize].ToArray(), proof[ShareProof.CommitmentSize..].ToArray()));
    }

    private static void Write(MemoryStream bytes, KekIdentity kek)
    {
        Span<byte> version = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(version, kek.Version);
        bytes.Write(version);
        foreach (string text in (ReadOnlySpan<string>)[kek.Authority, kek.Name, kek.Generation])
        {
            byte[] utf8 = Encoding.UTF8.GetBytes(text);
            bytes.WriteByte(checked((byte)utf8.Length));
            bytes.Write(utf8);
        }
    }

    private static KekIdentity ReadKek(ReadOnlySpan<byte> subject)
    {
        if (subject.Length < 4)
        {
            throw Damaged();
        }

        uint version = BinaryPrimitives.ReadUInt32BigEndian(subject);
        ReadOnlySpan<byte> rest = subject[4..];
        KekIdentity kek = new(Text(ref rest), Text(ref rest), version, Text(ref rest));
        return rest.Length == 0 ? kek : throw Unknown();
    }

    private static string ReadAuthority(ReadOnlySpan<byte> subject) =>
        subject.Length == 1 + RecoverySet.AuthoritySize && subject[0] == AuthorityKind ? Convert.ToHexStringLower(subject[1..]) : throw Unknown();

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

    private static string InGroups(byte version, byte[] bytes)
    {
        StringBuilder text = new();
        text.Append(Heading).Append(version);
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

    private static RecoveryShareException Unknown() => new("the share has a form that this program does not know");

    private static RecoveryShareException Damaged() => new("the share was damaged: copy it again");
}
