using System.Buffers.Binary;
using System.Text;

namespace Cloister.Audit;

/// <summary>A signature line of a note.</summary>
/// <param name="Name">Of the key.</param>
/// <param name="Id">Of the key.</param>
/// <param name="Bytes">The signature.</param>
public sealed record NoteSignature(string Name, uint Id, IReadOnlyList<byte> Bytes)
{
    /// <summary>The line, with its end.</summary>
    public override string ToString()
    {
        byte[] id = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(id, Id);
        return $"— {Name} {Convert.ToBase64String([.. id, .. Bytes])}\n";
    }
}

/// <summary>A text with signatures: C2SP signed-note. secrets: none.</summary>
/// <param name="Text">What is signed, with its last newline.</param>
/// <param name="Signatures">One or more.</param>
public sealed record SignedNote(string Text, IReadOnlyList<NoteSignature> Signatures)
{
    private const int MaxSignatures = 100;

    /// <summary>Reads a note.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public static SignedNote Parse(string note)
    {
        int end = note.LastIndexOf("\n\n", StringComparison.Ordinal);
        if (end < 0 || !note.EndsWith('\n') || note.Any(c => c < ' ' && c != '\n'))
            throw new FormatException("that is no signed note");
        string[] lines = note[(end + 2)..].Split('\n', StringSplitOptions.RemoveEmptyEntries);
        SignedNote read = new(note[..(end + 1)], [.. lines.Select(ParseLine)]);
        return read.Signatures.Count is > 0 and <= MaxSignatures && read.ToString() == note ? read : throw new FormatException("that is no signed note");
    }

    /// <summary>Reads a signature line, without its end.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public static NoteSignature ParseLine(string line)
    {
        string[] parts = line.Split(' ');
        byte[] bytes = new byte[line.Length];
        return parts is ["—", { Length: > 0 }, _] && Convert.TryFromBase64String(parts[2], bytes, out int length) && length > 4
            ? new NoteSignature(parts[1], BinaryPrimitives.ReadUInt32BigEndian(bytes), bytes[4..length])
            : throw new FormatException("that is no signature line of a note");
    }

    /// <summary>Whether a key signed it.</summary>
    public bool IsSignedBy(NoteKey key) => Signatures.Any(signature => key.Verify(Text, signature));

    /// <summary>The note as it is written.</summary>
    public override string ToString() => new StringBuilder(Text).Append('\n').AppendJoin("", Signatures).ToString();
}
