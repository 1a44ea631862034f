using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Cloister.Conformance.Harness;

namespace Cloister.Conformance.RollOut;

/// <summary>
/// Writers, readers, lists and watches of Secrets through every node that is in service, all the time. What was acknowledged is known, and every answer is compared with
/// it. Nothing is tried again: each request without the right answer is in <see cref="Failures"/>.
/// </summary>
internal sealed class SecretsTraffic : IAsyncDisposable
{
    private const string Path = "/api/v1/namespaces/default/secrets";
    private const int Deleted = int.MaxValue;
    private const int LastChange = 2;

    private static readonly MediaTypeHeaderValue MergePatch = new("application/merge-patch+json");

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan BetweenLists = TimeSpan.FromMilliseconds(200);

    private readonly IReadOnlyList<ControlPlaneNode> _nodes;
    private readonly CancellationTokenSource _end = new();
    private readonly CancellationTokenSource _watchEnd = new();
    private readonly ConcurrentDictionary<string, int> _acknowledged = [];
    private readonly ConcurrentDictionary<(string Node, string Kind), int> _answers = [];
    private readonly ConcurrentQueue<string> _failures = [];
    private readonly IReadOnlyList<ConcurrentDictionary<string, int>> _seen;
    private readonly List<Task> _running;
    private readonly List<Task> _watching;

    internal SecretsTraffic(IReadOnlyList<ControlPlaneNode> nodes)
    {
        _nodes = nodes;
        _running = [.. nodes.SelectMany(node => (Func<Task>[])[() => WriteAsync(node), () => ReadAsync(node), () => ListAsync(node)]).Select(Task.Run)];
        _seen = [.. nodes.Select(_ => new ConcurrentDictionary<string, int>())];
        _watching = [.. nodes.Zip(_seen, (node, seen) => Task.Run(() => WatchAsync(node, seen)))];
    }

    /// <summary>Each request that got no answer, or not the one that what was acknowledged before it demands.</summary>
    internal IReadOnlyCollection<string> Failures => _failures;

    /// <summary>Names and the revision that was acknowledged last; those that were deleted are left out.</summary>
    internal IReadOnlyCollection<KeyValuePair<string, int>> Acknowledged => [.. _acknowledged.Where(secret => secret.Value != Deleted)];

    /// <summary>Right answers of a kind (write, read, list, watch) through a node.</summary>
    internal int Answers(ControlPlaneNode node, string kind) => _answers.GetValueOrDefault((node.Name, kind));

    /// <summary>Writes every Secret again through a node, with its content as it is.</summary>
    internal Task RewriteAsync(ControlPlaneNode node) => Parallel.ForEachAsync(Acknowledged, new ParallelOptions { MaxDegreeOfParallelism = 4 }, async (secret, cancellation) =>
    {
        using HttpRequestMessage message = new(HttpMethod.Patch, $"{Path}/{secret.Key}")
        {
            Content = JsonContent.Create(new { metadata = new { annotations = new Dictionary<string, string> { ["cloister.dev/written"] = "again" } } }, MergePatch),
        };
        using HttpResponseMessage response = await node.Api.SendAsync(message, cancellation);
        if (response.StatusCode != HttpStatusCode.NotFound)
        {
            response.EnsureSuccessStatusCode();
        }
    });

    /// <summary>Ends everything but the watches, and these once each has seen the last of every Secret.</summary>
    internal async Task EndAsync(CancellationToken cancellation)
    {
        await _end.CancelAsync();
        await Task.WhenAll(_running);
        await Eventually.HoldsAsync(
            "every watch has seen the last change of every Secret",
            TimeSpan.FromSeconds(60),
            () => Task.FromResult(_seen.All(seen => _acknowledged.All(secret => seen.GetValueOrDefault(secret.Key, secret.Value == Deleted ? Deleted : -1) == secret.Value))),
            cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _watchEnd.CancelAsync();
        await Task.WhenAll([.. _running, .. _watching]);
        _end.Dispose();
        _watchEnd.Dispose();
    }

    // Each Secret is made and changed twice, and most are deleted.
    private async Task WriteAsync(ControlPlaneNode node)
    {
        for (int i = 0; await PauseAsync(); i++)
        {
            string name = $"{node.Name}-{i}";
            for (int revision = 0; revision < (IsDeleted(i) ? 4 : 3); revision++)
            {
                bool delete = revision == 3;
                int value = delete ? Deleted : revision;
                using HttpRequestMessage message = revision switch
                {
                    0 => new(HttpMethod.Post, Path) { Content = JsonContent.Create(new { apiVersion = "v1", kind = "Secret", metadata = new { name }, stringData = new { revision = "0" } }) },
                    3 => new(HttpMethod.Delete, $"{Path}/{name}"),
                    _ => new(HttpMethod.Patch, $"{Path}/{name}") { Content = JsonContent.Create(new { stringData = new { revision = $"{revision}" } }, MergePatch) },
                };
                bool done = false;
                while (!done && await PauseAsync())
                {
                    done = await AskAsync(node, "write", message, _ =>
                    {
                        _acknowledged[name] = value;
                        return null;
                    });
                }
            }
        }
    }

    private async Task ReadAsync(ControlPlaneNode node)
    {
        while (await PauseAsync())
        {
            if (_acknowledged.ToArray() is { Length: > 0 } all)
            {
                // A deleted one is not there; one that was deleted meanwhile need not be.
                (string name, int least) = all[Random.Shared.Next(all.Length)];
                using HttpRequestMessage message = new(HttpMethod.Get, $"{Path}/{name}");
                await AskAsync(node, "read", message, body => Check(name, least, body is null ? Deleted : RevisionOf(body.RootElement)));
            }
        }
    }

    private async Task ListAsync(ControlPlaneNode node)
    {
        while (await PauseAsync())
        {
            await Task.Delay(BetweenLists);
            // Not a collection expression: that copies what may grow meanwhile.
            KeyValuePair<string, int>[] before = _acknowledged.ToArray();
            using HttpRequestMessage message = new(HttpMethod.Get, Path);
            await AskAsync(node, "list", message, body =>
            {
                Dictionary<string, int> found = body!.RootElement.GetProperty("items").EnumerateArray().ToDictionary(NameOf, RevisionOf);
                return before.Select(secret => Check(secret.Key, secret.Value, found.GetValueOrDefault(secret.Key, Deleted))).FirstOrDefault(fault => fault is not null);
            });
        }
    }

    // One watch after the other, each through another node in service when its own goes, from where the last one was.
    private async Task WatchAsync(ControlPlaneNode node, ConcurrentDictionary<string, int> seen)
    {
        string revision = "";
        while (!_watchEnd.IsCancellationRequested)
        {
            if (!node.TryBegin(out ControlPlaneNode.Request? request))
            {
                node = _nodes[(_nodes.ToList().IndexOf(node) + 1) % _nodes.Count];
                await Task.Delay(Pause);
                continue;
            }

            using (request)
            using (CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(_watchEnd.Token, request.OutOfService))
            {
                try
                {
                    if (revision.Length == 0)
                    {
                        using JsonDocument list = JsonDocument.Parse(await node.Api.GetStringAsync(Path, stop.Token));
                        list.RootElement.GetProperty("items").EnumerateArray().ToList().ForEach(item => seen[NameOf(item)] = RevisionOf(item));
                        revision = list.RootElement.GetProperty("metadata").GetProperty("resourceVersion").GetString()!;
                    }

                    using Stream stream = await node.Api.GetStreamAsync($"{Path}?watch=1&resourceVersion={revision}&allowWatchBookmarks=true", stop.Token);
                    using StreamReader reader = new(stream);
                    while (await reader.ReadLineAsync(stop.Token) is { } line)
                    {
                        using JsonDocument parsed = JsonDocument.Parse(line);
                        revision = Observe(parsed.RootElement, seen);
                        Count(node, "watch");
                    }

                    throw new HttpRequestException("it ended by itself");
                }
                catch (Exception e) when (e is HttpRequestException or IOException or JsonException or OperationCanceledException)
                {
                    if (!stop.IsCancellationRequested)
                    {
                        Fail(node, "watch", e.Message);
                        await Task.Delay(Pause);
                    }
                }
            }
        }
    }

    // Each change once and in order: what comes next of a Secret is what it was (written again by whoever encrypts it anew), or the next change.
    private static string Observe(JsonElement change, ConcurrentDictionary<string, int> seen)
    {
        string type = change.GetProperty("type").GetString()!;
        JsonElement item = change.GetProperty("object");
        if (type == "ERROR")
        {
            throw new HttpRequestException($"an error in place of an event: {item}");
        }

        if (type != "BOOKMARK")
        {
            string name = NameOf(item);
            int now = type == "DELETED" ? Deleted : RevisionOf(item);
            bool next = seen.TryGetValue(name, out int last) ? type != "ADDED" && (now == last || now == last + 1 || (now == Deleted && last == LastChange)) : now == 0 && type == "ADDED";
            if (!next)
            {
                throw new HttpRequestException($"event {type} of {name} with {now} after {last}");
            }

            seen[name] = now;
        }

        return item.GetProperty("metadata").GetProperty("resourceVersion").GetString()!;
    }

    // True when it was sent. A node out of service gets nothing.
    private async Task<bool> AskAsync(ControlPlaneNode node, string kind, HttpRequestMessage message, Func<JsonDocument?, string?> fault)
    {
        if (!node.TryBegin(out ControlPlaneNode.Request? request))
        {
            return false;
        }

        using (request)
        {
            string what = $"{kind} {message.RequestUri!.OriginalString[(message.RequestUri.OriginalString.LastIndexOf('/') + 1)..]}";
            try
            {
                using HttpResponseMessage response = await node.Api.SendAsync(message, CancellationToken.None);
                string text = await response.Content.ReadAsStringAsync(CancellationToken.None);
                bool absent = kind == "read" && response.StatusCode == HttpStatusCode.NotFound;
                if (!response.IsSuccessStatusCode && !absent)
                {
                    Fail(node, what, text);
                    return true;
                }

                using JsonDocument? body = absent ? null : JsonDocument.Parse(text);
                if (fault(body) is { } found)
                {
                    Fail(node, what, found);
                    return true;
                }

                Count(node, kind);
            }
            catch (Exception e) when (e is HttpRequestException or TaskCanceledException or JsonException)
            {
                Fail(node, what, e.Message);
            }

            return true;
        }
    }

    // What was acknowledged with a revision is there with it or a later one; the last later one is its end.
    private static string? Check(string name, int least, int found) =>
        found < least || (found == Deleted && least != Deleted && !MayBeDeleted(name)) ? $"{name} is {found}, and {least} was acknowledged" : null;

    private static bool IsDeleted(int number) => number % 4 != 0;

    private static bool MayBeDeleted(string name) => IsDeleted(int.Parse(name[(name.LastIndexOf('-') + 1)..], System.Globalization.CultureInfo.InvariantCulture));

    private static string NameOf(JsonElement secret) => secret.GetProperty("metadata").GetProperty("name").GetString()!;

    private static int RevisionOf(JsonElement secret) =>
        int.Parse(Encoding.UTF8.GetString(secret.GetProperty("data").GetProperty("revision").GetBytesFromBase64()), System.Globalization.CultureInfo.InvariantCulture);

    private void Count(ControlPlaneNode node, string kind) => _answers.AddOrUpdate((node.Name, kind), 1, (_, count) => count + 1);

    private void Fail(ControlPlaneNode node, string what, string why) => _failures.Enqueue($"{DateTime.UtcNow:HH:mm:ss.f} node {node.Name}, {what}: {why[..Math.Min(why.Length, 300)]}");

    private async Task<bool> PauseAsync()
    {
        if (!_end.IsCancellationRequested)
        {
            await Task.Delay(Pause);
        }

        return !_end.IsCancellationRequested;
    }
}
