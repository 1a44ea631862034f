using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Cloister.Broker.State.Audit;

/// <summary>
/// An audit log as JSON lines, to be kept and checked without a database: <c>{"entry":{"seq","time","kind","details","previous","hash"}}</c>
/// and <c>{"checkpoint":{"seq","hash","time","signature"}}</c>; details is a string, so that its bytes stay as hashed; octets are base64.
/// secrets: none.
/// </summary>
public static class AuditLines
{
    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        AllowDuplicateProperties = false,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        PropertyNameCaseInsensitive = false,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    /// <summary>Writes the log, each checkpoint after its entry.</summary>
    /// <exception cref="BrokerStateException">The database does not answer.</exception>
    public static async Task ExportAsync(IAuditLog log, TextWriter output, CancellationToken cancellation)
    {
        // Checkpoints first: one that is signed meanwhile would name an entry that was not written.
        var checkpoints = new Queue<AuditCheckpoint>(await log.ListCheckpointsAsync(cancellation));
        await foreach (AuditEntry entry in log.ReadAuditAsync(1, cancellation))
        {
            await WriteAsync(new Line(entry, null));
            while (checkpoints.TryPeek(out AuditCheckpoint? checkpoint) && checkpoint.Seq <= entry.Seq)
                await WriteAsync(new Line(null, checkpoints.Dequeue()));
        }
        foreach (AuditCheckpoint checkpoint in checkpoints)
            await WriteAsync(new Line(null, checkpoint));
        await output.FlushAsync(cancellation);

        Task WriteAsync(Line line) => output.WriteAsync((JsonSerializer.Serialize(line, Options) + "\n").AsMemory(), cancellation);
    }

    /// <summary>Checks an exported log.</summary>
    /// <param name="lines">The lines; gone through twice.</param>
    /// <param name="publicKey">Of who signed the checkpoints.</param>
    /// <exception cref="FormatException">A line is not an entry or a checkpoint; the message names its number.</exception>
    public static AuditVerdict Verify(IEnumerable<string> lines, ECDsa publicKey) =>
        AuditVerifier.Verify(Read(lines).Select(line => line.Entry).OfType<AuditEntry>(), Read(lines).Select(line => line.Checkpoint).OfType<AuditCheckpoint>(), publicKey);

    private static IEnumerable<Line> Read(IEnumerable<string> lines)
    {
        int number = 0;
        foreach (string text in lines)
        {
            number++;
            Line? line = null;
            try
            {
                line = JsonSerializer.Deserialize<Line>(text, Options);
            }
            catch (JsonException)
            {
                // Said below.
            }
            if (line is null || line.Entry is null == line.Checkpoint is null)
                throw new FormatException($"line {number} is neither an audit entry nor a checkpoint");
            yield return line;
        }
    }

    private sealed record Line(AuditEntry? Entry = null, AuditCheckpoint? Checkpoint = null);
}
