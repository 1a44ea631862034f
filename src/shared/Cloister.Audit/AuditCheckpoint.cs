using System.Globalization;

namespace Cloister.Audit;

/// <summary>A signed statement of what the log was at a size: C2SP tlog-checkpoint. Kept elsewhere, it shows whether the log was changed since. secrets: none.</summary>
/// <param name="Origin">Which log.</param>
/// <param name="Head">What it was.</param>
/// <param name="Note">The statement with its signatures.</param>
public sealed record AuditCheckpoint(string Origin, AuditHead Head, SignedNote Note)
{
    /// <summary>Entries that it covers.</summary>
    public long Size => Head.Size;

    /// <summary>Reads a checkpoint; nothing of it is believed yet.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public static AuditCheckpoint Parse(string note)
    {
        SignedNote signed = SignedNote.Parse(note);
        string[] lines = signed.Text.Split('\n');
        byte[] root = new byte[AuditEncoding.HashSize + 1];
        return lines is [{ Length: > 0 }, _, _, _, ..]
            && long.TryParse(lines[1], NumberStyles.None, CultureInfo.InvariantCulture, out long size) && size.ToString(CultureInfo.InvariantCulture) == lines[1]
            && Convert.TryFromBase64String(lines[2], root, out int length) && length == AuditEncoding.HashSize
                ? new AuditCheckpoint(lines[0], new AuditHead(size, root[..length]), signed)
                : throw new FormatException("that is no checkpoint of a log");
    }

    /// <summary>The text that is signed: origin, size and root in base64, each with its newline.</summary>
    public static string TextOf(string origin, AuditHead head) =>
        string.Create(CultureInfo.InvariantCulture, $"{origin}\n{head.Size}\n{Convert.ToBase64String(head.Root)}\n");
}

/// <summary>Signs checkpoints of one log. Thread-safe. secrets: uses the key, which it owns.</summary>
public sealed class CheckpointSigner : IDisposable
{
    private readonly Ed25519.PrivateKey _key;

    /// <summary>A signer.</summary>
    /// <param name="origin">Which log; the key has the same name.</param>
    /// <param name="key">The key.</param>
    public CheckpointSigner(string origin, Ed25519.PrivateKey key)
    {
        _key = key;
        Key = new NoteKey(origin, NoteKey.Ed25519Type, key.PublicKey);
    }

    /// <summary>What its checkpoints are verified with.</summary>
    public NoteKey Key { get; }

    /// <summary>Which log.</summary>
    public string Origin => Key.Name;

    /// <summary>A checkpoint.</summary>
    public AuditCheckpoint Sign(AuditHead head)
    {
        string text = AuditCheckpoint.TextOf(Origin, head);
        return new AuditCheckpoint(Origin, head, new SignedNote(text, [new NoteSignature(Key.Name, Key.Id, _key.Sign(System.Text.Encoding.UTF8.GetBytes(text)))]));
    }

    /// <inheritdoc />
    public void Dispose() => _key.Dispose();
}
