using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Cloister.Audit;

namespace Cloister.Broker.Tests.Processes;

/// <summary>A witness of C2SP tlog-witness for one log: cosigns what extends what it has seen. Beside it, a webhook that takes what is posted to it.</summary>
internal sealed class TestWitness : IDisposable
{
    private readonly HttpListener _listener = new();
    private readonly Ed25519.PrivateKey _key = new(RandomNumberGenerator.GetBytes(32));
    private readonly NoteKey _log;
    private readonly Lock _lock = new();
    private readonly List<(string Body, string Authorization)> _posted = [];
    private AuditHead _seen = AuditHead.Empty;

    public TestWitness(NoteKey log, int port)
    {
        _log = log;
        Url = new Uri($"http://127.0.0.1:{port}/");
        Key = new NoteKey("witness.example", NoteKey.CosignatureType, _key.PublicKey);
        _listener.Prefixes.Add(Url.AbsoluteUri);
        _listener.Start();
        _ = Task.Run(ServeAsync);
    }

    public Uri Url { get; }

    public NoteKey Key { get; }

    /// <summary>How often it was asked to cosign.</summary>
    public int Asked { get; private set; }

    /// <summary>The webhook answers 500 so often before it takes anything.</summary>
    public int Failures { get; set; }

    public long Seen
    {
        get
        {
            lock (_lock)
            {
                return _seen.Size;
            }
        }
    }

    public (string Body, string Authorization)[] Posted
    {
        get
        {
            lock (_lock)
            {
                return [.. _posted];
            }
        }
    }

    public void Dispose()
    {
        _listener.Close();
        _key.Dispose();
    }

    private async Task ServeAsync()
    {
        while (_listener.IsListening)
        {
            try
            {
                HttpListenerContext http = await _listener.GetContextAsync();
                using StreamReader reader = new(http.Request.InputStream, Encoding.UTF8);
                string body = await reader.ReadToEndAsync();
                (int status, string answer) = Answer(http.Request, body);
                http.Response.StatusCode = status;
                http.Response.Close(Encoding.UTF8.GetBytes(answer), willBlock: true);
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or IOException)
            {
                // It ends, or the client went away.
            }
        }
    }

    private (int Status, string Answer) Answer(HttpListenerRequest request, string body)
    {
        lock (_lock)
        {
            if (request.Url!.AbsolutePath == "/add-checkpoint")
            {
                Asked++;
                return Cosign(body);
            }

            if (Failures-- > 0)
            {
                return (500, "");
            }

            _posted.Add((body, request.Headers["Authorization"] ?? ""));
            return (202, "");
        }
    }

    private (int Status, string Answer) Cosign(string body)
    {
        int end = body.IndexOf("\n\n", StringComparison.Ordinal);
        string[] lines = body[..end].Split('\n');
        AuditCheckpoint checkpoint = AuditCheckpoint.Parse(body[(end + 2)..]);
        long old = long.Parse(lines[0]["old ".Length..], CultureInfo.InvariantCulture);
        if (checkpoint.Origin != _log.Name)
        {
            return (404, "");
        }

        if (!checkpoint.Note.IsSignedBy(_log))
        {
            return (403, "");
        }

        if (old != _seen.Size || checkpoint.Size < _seen.Size)
        {
            return (409, $"{_seen.Size}\n");
        }

        if (!MerkleProof.Verify(_seen, checkpoint.Head, [.. lines.Skip(1).Select(Convert.FromBase64String)]))
        {
            return (422, "");
        }

        _seen = checkpoint.Head;
        ulong time = (ulong)DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        byte[] stamp = new byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(stamp, time);
        byte[] signature = _key.Sign(NoteKey.CosignedMessage(time, Encoding.UTF8.GetBytes(checkpoint.Note.Text)));
        return (200, new NoteSignature(Key.Name, Key.Id, [.. stamp, .. signature]).ToString());
    }
}
