using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;

namespace Cloister.Storm;

/// <summary>Creates, updates and deletes Secrets of its own names, one write at a time.</summary>
/// <param name="api">An API server.</param>
/// <param name="id">Tells the names of one writer from another's.</param>
/// <param name="random">What it does.</param>
internal sealed class SecretWriter(HttpClient api, int id, Random random)
{
    /// <summary>In every value.</summary>
    internal const string Marker = "TOPSECRET";

    private const string Secrets = "/api/v1/namespaces/default/secrets";

    private readonly List<SecretHistory> _histories = [];
    private readonly ConcurrentQueue<string> _faults = [];
    private int _acknowledged;

    internal int Acknowledged => Volatile.Read(ref _acknowledged);

    /// <summary>Every name, once the writer has ended.</summary>
    internal IReadOnlyList<SecretHistory> Histories => _histories;

    /// <summary>What was wrong.</summary>
    internal IReadOnlyCollection<string> Faults => _faults;

    internal async Task RunAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            await LifeAsync(Next(), random.Next(5), random.Next(2) == 0, stop);
        }
    }

    /// <summary>Once <see cref="RunAsync"/> of all has ended: writes one Secret more, and answers its revision. All that was acknowledged is older.</summary>
    internal async Task<long> LastAsync(CancellationToken stop)
    {
        while (true)
        {
            stop.ThrowIfCancellationRequested();
            SecretHistory history = Next();
            if (await PutAsync(history, HttpMethod.Post, Secrets, New(history), stop) is { } stored)
            {
                return long.Parse((string)stored["metadata"]!["resourceVersion"]!, CultureInfo.InvariantCulture);
            }
        }
    }

    /// <summary>The password of a Secret in JSON.</summary>
    internal static string PasswordOf(JsonNode secret) => Encoding.UTF8.GetString(Convert.FromBase64String((string)secret["data"]!["password"]!));

    private SecretHistory Next()
    {
        SecretHistory history = new($"w{id}-{_histories.Count}");
        _histories.Add(history);
        return history;
    }

    private static JsonObject New(SecretHistory history) =>
        new() { ["apiVersion"] = "v1", ["kind"] = "Secret", ["metadata"] = new JsonObject { ["name"] = history.Name } };

    private async Task LifeAsync(SecretHistory history, int updates, bool deleted, CancellationToken stop)
    {
        JsonObject? stored = await PutAsync(history, HttpMethod.Post, Secrets, New(history), stop);
        for (int update = 0; stored is not null && update < updates; update++)
        {
            await Task.Delay(random.Next(50), CancellationToken.None);
            stored = await PutAsync(history, HttpMethod.Put, $"{Secrets}/{history.Name}", stored, stop);
        }

        if (stored is not null && deleted)
        {
            await DeleteAsync(history, stored["metadata"]!, stop);
        }
    }

    // Writes another password, and answers what is stored then; null when that is nothing, or when nobody can tell any more.
    private async Task<JsonObject?> PutAsync(SecretHistory history, HttpMethod method, string path, JsonObject secret, CancellationToken stop)
    {
        // Now and then of more than one frame of HTTP/2.
        string value = $"{Marker}-{history.Name}-{history.Writes.Count};{new string('x', random.Next(16) == 0 ? 40_000 : random.Next(400))}";
        secret["data"] = new JsonObject { ["password"] = Convert.ToBase64String(Encoding.UTF8.GetBytes(value)) };
        (WriteOutcome outcome, JsonObject? stored) = await WriteAsync(history, value, method, path, secret);
        return outcome == WriteOutcome.Acknowledged ? stored : await ReadAsync(history, stop);
    }

    private async Task DeleteAsync(SecretHistory history, JsonNode metadata, CancellationToken stop)
    {
        // With a body, .NET does not send it again by itself when a connection breaks.
        JsonObject options = new()
        {
            ["apiVersion"] = "v1",
            ["kind"] = "DeleteOptions",
            ["preconditions"] = new JsonObject { ["uid"] = (string)metadata["uid"]!, ["resourceVersion"] = (string)metadata["resourceVersion"]! },
        };
        (WriteOutcome outcome, _) = await WriteAsync(history, null, HttpMethod.Delete, $"{Secrets}/{history.Name}", options);
        if (outcome != WriteOutcome.Acknowledged)
        {
            await ReadAsync(history, stop);
        }
    }

    private async Task<(WriteOutcome Outcome, JsonObject? Stored)> WriteAsync(SecretHistory history, string? value, HttpMethod method, string path, JsonObject body)
    {
        WriteOutcome outcome = WriteOutcome.Unknown;
        string answer = "";
        JsonObject? stored = null;
        try
        {
            using HttpRequestMessage request = new(method, path) { Content = JsonContent.Create(body) };
            using HttpResponseMessage response = await api.SendAsync(request, CancellationToken.None);
            outcome = OutcomeOf(response.StatusCode);
            answer = await response.Content.ReadAsStringAsync(CancellationToken.None);
            if (outcome == WriteOutcome.Acknowledged)
            {
                stored = (JsonObject)JsonNode.Parse(answer)!;
                Interlocked.Increment(ref _acknowledged);
            }
            else if (outcome == WriteOutcome.Unknown && (int)response.StatusCode is >= 400 and < 500 and not 429)
            {
                _faults.Enqueue($"{history.Name}: {response.StatusCode} {answer}");
            }
        }
        catch (Exception e) when (e is HttpRequestException or IOException or TaskCanceledException)
        {
            answer = e.Message;
        }

        AddFault(history.Note(value, outcome, answer));
        if (outcome == WriteOutcome.Unknown)
        {
            await Task.Delay(50, CancellationToken.None);
        }

        return (outcome, stored);
    }

    private static WriteOutcome OutcomeOf(HttpStatusCode status) => status switch
    {
        HttpStatusCode.OK or HttpStatusCode.Created => WriteOutcome.Acknowledged,
        HttpStatusCode.Conflict or HttpStatusCode.NotFound => WriteOutcome.Refused,
        _ => WriteOutcome.Unknown,
    };

    // Without a resourceVersion: etcd is asked, with a quorum.
    private async Task<JsonObject?> ReadAsync(SecretHistory history, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                using HttpResponseMessage response = await api.GetAsync($"{Secrets}/{history.Name}", CancellationToken.None);
                if (response.StatusCode == HttpStatusCode.NotFound)
                {
                    AddFault(history.NoteRead(null));
                    return null;
                }

                if (response.StatusCode == HttpStatusCode.OK)
                {
                    JsonObject secret = (JsonObject)JsonNode.Parse(await response.Content.ReadAsStringAsync(CancellationToken.None))!;
                    AddFault(history.NoteRead(PasswordOf(secret)));
                    return secret;
                }
            }
            catch (Exception e) when (e is HttpRequestException or IOException or TaskCanceledException)
            {
                // Nothing is known yet.
            }

            await Task.Delay(100, CancellationToken.None);
        }

        return null;
    }

    private void AddFault(string? fault)
    {
        if (fault is not null)
        {
            _faults.Enqueue(fault);
        }
    }
}
