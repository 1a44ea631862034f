using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Cloister.Audit;

/// <summary>Who signs notes: C2SP signed-note. secrets: none.</summary>
public sealed class NoteKey
{
    /// <summary>Ed25519 over the note's text.</summary>
    public const byte Ed25519Type = 1;

    /// <summary>A witness's: Ed25519 over the text with a time, C2SP tlog-cosignature.</summary>
    public const byte CosignatureType = 4;

    private readonly byte[] _publicKey;

    /// <summary>A key.</summary>
    /// <param name="name">Its name: not empty, no space, no plus sign.</param>
    /// <param name="type">Of the two.</param>
    /// <param name="publicKey">Ed25519, 32 bytes.</param>
    /// <exception cref="FormatException">It is none.</exception>
    public NoteKey(string name, byte type, IEnumerable<byte> publicKey)
    {
        _publicKey = [.. publicKey];
        if (name.Length == 0 || name.Any(c => c == '+' || char.IsWhiteSpace(c)) || type is not (Ed25519Type or CosignatureType) || _publicKey.Length != Ed25519.KeySize)
            throw new FormatException("that is no key of notes: NAME+ID+KEY, Ed25519");
        (Name, Type) = (name, type);
        byte[] hash = SHA256.HashData([.. Encoding.UTF8.GetBytes(name), (byte)'\n', type, .. _publicKey]);
        Id = BinaryPrimitives.ReadUInt32BigEndian(hash);
    }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>How it signs.</summary>
    public byte Type { get; }

    /// <summary>The first four bytes of SHA-256( name | "\n" | type | key ).</summary>
    public uint Id { get; }

    /// <summary>Reads <c>NAME+ID+KEY</c>: the id in hex, then base64 of type and key.</summary>
    /// <exception cref="FormatException">It is none, or its id is not that of its key.</exception>
    public static NoteKey Parse(string text)
    {
        string[] parts = text.Split('+', 3);
        byte[] key = new byte[1 + Ed25519.KeySize + 2];
        if (parts.Length != 3 || !Convert.TryFromBase64String(parts[2], key, out int length) || length != 1 + Ed25519.KeySize)
            throw new FormatException("that is no key of notes: NAME+ID+KEY, Ed25519");
        NoteKey read = new(parts[0], key[0], key[1..length]);
        return read.ToString() == text ? read : throw new FormatException("the id of that key of notes is not that of its name and key");
    }

    /// <summary><c>NAME+ID+KEY</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Name}+{Id:x8}+{Convert.ToBase64String([Type, .. _publicKey])}");

    /// <summary>Whether a signature line of a note is this key's, and authentic.</summary>
    /// <param name="text">The note's text, with its last newline.</param>
    /// <param name="signature">What the line says.</param>
    public bool Verify(string text, NoteSignature signature)
    {
        if (signature.Name != Name || signature.Id != Id)
            return false;
        byte[] message = Encoding.UTF8.GetBytes(text);
        if (Type == Ed25519Type)
            return Ed25519.Verify(_publicKey, message, [.. signature.Bytes]);
        return signature.Bytes.Count == 8 + Ed25519.SignatureSize
            && Ed25519.Verify(_publicKey, CosignedMessage(BinaryPrimitives.ReadUInt64BigEndian([.. signature.Bytes.Take(8)]), message), [.. signature.Bytes.Skip(8)]);
    }

    /// <summary>What a witness signs: C2SP tlog-cosignature, "cosignature/v1".</summary>
    /// <param name="time">Seconds since 1970.</param>
    /// <param name="text">The note's text.</param>
    public static byte[] CosignedMessage(ulong time, ReadOnlySpan<byte> text) =>
        [.. Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"cosignature/v1\ntime {time}\n")), .. text];
}
