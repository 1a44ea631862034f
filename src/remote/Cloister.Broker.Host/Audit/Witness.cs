using System.Globalization;
using System.Net;
using System.Text;
using Cloister.Audit;
using Cloister.Broker.Administration;
using Cloister.Broker.Host.Configuration;
using Cloister.Broker.State.Audit;

namespace Cloister.Broker.Host.Audit;

/// <summary>
/// Asks a witness to cosign checkpoints: C2SP tlog-witness, <c>add-checkpoint</c>. A witness signs only what extends what it has seen, so readers that
/// believe the same witnesses see the same log. Used by one caller at a time. secrets: none.
/// </summary>
internal sealed class Witness(WitnessOptions options, IAuditLog log) : IDisposable
{
    private readonly HttpClient _http = OutsideHttp.Client(options.CaFile);
    private long _seen;

    /// <summary>Its name.</summary>
    public string Name => options.Key.Name;

    /// <summary>A cosignature.</summary>
    /// <exception cref="IOException">It gives none; also other exceptions of HTTP and of the database.</exception>
    public async Task<NoteSignature> CosignAsync(AuditCheckpoint checkpoint, CancellationToken cancellation)
    {
        HttpResponseMessage response = await AskAsync(checkpoint, cancellation);
        if (response.StatusCode == HttpStatusCode.Conflict)
        {
            // It says what it has seen.
            string seen = (await response.Content.ReadAsStringAsync(cancellation)).Trim();
            response.Dispose();
            if (!long.TryParse(seen, NumberStyles.None, CultureInfo.InvariantCulture, out _seen) || _seen > checkpoint.Size)
            {
                throw new IOException($"it has seen entry {seen} of this log, which has {checkpoint.Size} now: an older database was put back, or the log was changed");
            }

            response = await AskAsync(checkpoint, cancellation);
        }

        using (response)
        {
            string answer = await response.Content.ReadAsStringAsync(cancellation);
            if (response.StatusCode != HttpStatusCode.OK)
            {
                throw new IOException(string.Create(CultureInfo.InvariantCulture, $"it answered {(int)response.StatusCode}"));
            }

            NoteSignature cosignature = answer.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(Line).FirstOrDefault(line => line is not null && options.Key.Verify(checkpoint.Note.Text, line))
                ?? throw new IOException("its answer holds no cosignature of its key");
            _seen = checkpoint.Size;
            return cosignature;
        }
    }

    /// <inheritdoc />
    public void Dispose() => _http.Dispose();

    private static NoteSignature? Line(string line)
    {
        try
        {
            return SignedNote.ParseLine(line);
        }
        catch (FormatException)
        {
            return null;
        }
    }

    private async Task<HttpResponseMessage> AskAsync(AuditCheckpoint checkpoint, CancellationToken cancellation)
    {
        IReadOnlyList<byte[]> proof = await log.ProveAsync(_seen, checkpoint.Size, cancellation);
        StringBuilder body = new(string.Create(CultureInfo.InvariantCulture, $"old {_seen}\n"));
        foreach (byte[] hash in proof)
        {
            body.Append(Convert.ToBase64String(hash)).Append('\n');
        }

        body.Append('\n').Append(checkpoint.Note);
        using StringContent content = new(body.ToString(), Encoding.UTF8, "text/plain");
        return await _http.PostAsync($"{options.Url.AbsoluteUri.TrimEnd('/')}/add-checkpoint", content, cancellation);
    }
}
