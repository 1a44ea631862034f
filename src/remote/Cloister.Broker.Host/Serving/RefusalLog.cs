using System.Text.Json.Nodes;
using Cloister.Broker.State.Audit;

namespace Cloister.Broker.Host.Serving;

/// <summary>
/// Refusals in the audit log: of each kind the first few of a window one by one, the rest as a count at the window's end. So many kinds and so many entries a
/// window, whoever asks how often: what strangers send does not grow the log without bound. Thread-safe. secrets: none.
/// </summary>
/// <param name="audit">The log.</param>
/// <param name="clock">What time it is.</param>
internal sealed class RefusalLog(IAuditLog audit, TimeProvider clock)
{
    /// <summary>How long a window is.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromMinutes(5);

    /// <summary>How many of a kind are logged one by one in a window.</summary>
    public const int EachOfAKind = 5;

    private const int EachOfAll = 100;
    private const int MaxKinds = 64;
    private static readonly Kind Others = new("", "other sources and reasons", "", "", "");

    private readonly Lock _lock = new();
    private Dictionary<Kind, Tally> _tallies = [];
    private DateTimeOffset _begun = clock.GetUtcNow();
    private int _logged;

    /// <summary>What counts as the same.</summary>
    /// <param name="Event">Kind of the audit entry.</param>
    /// <param name="Source">Where from, or which lease.</param>
    /// <param name="Tee">Kind of TEE.</param>
    /// <param name="Step">The step that refused, or the error.</param>
    /// <param name="Code">Its code.</param>
    internal sealed record Kind(string Event, string Source, string Tee, string Step, string Code);

    /// <summary>Logs a refusal, or counts it.</summary>
    /// <returns>Whether it was logged by itself.</returns>
    public async Task<bool> RecordAsync(Kind kind, JsonObject details, CancellationToken cancellation)
    {
        await FlushAsync(force: false, cancellation);
        if (!Count(kind))
        {
            return false;
        }

        details["source"] = kind.Source;
        await audit.AppendAsync(new AuditEvent(kind.Event, details), cancellation);
        return true;
    }

    /// <summary>Logs the counts of a window that is over, or of the one that is not when forced to.</summary>
    public async Task FlushAsync(bool force, CancellationToken cancellation)
    {
        Dictionary<Kind, Tally> over;
        DateTimeOffset from;
        DateTimeOffset to = clock.GetUtcNow();
        lock (_lock)
        {
            if (!force && to - _begun < Window)
            {
                return;
            }

            (over, from) = (_tallies, _begun);
            (_tallies, _begun, _logged) = ([], to, 0);
        }

        foreach ((Kind kind, Tally tally) in over.Where(one => one.Value.Unlogged > 0))
        {
            await audit.AppendAsync(new AuditEvent("evidence.refusals", new JsonObject
            {
                ["source"] = kind.Source, ["tee"] = kind.Tee, ["step"] = kind.Step, ["code"] = kind.Code, ["count"] = tally.Unlogged,
                ["from"] = from.ToUnixTimeMilliseconds(), ["to"] = to.ToUnixTimeMilliseconds(),
            }), cancellation);
        }
    }

    private bool Count(Kind kind)
    {
        lock (_lock)
        {
            if (!_tallies.TryGetValue(kind, out Tally? tally))
            {
                Kind counted = _tallies.Count < MaxKinds ? kind : Others;
                if (!_tallies.TryGetValue(counted, out tally))
                {
                    _tallies.Add(counted, tally = new Tally());
                }
            }

            if (tally.Logged < EachOfAKind && _logged < EachOfAll)
            {
                tally.Logged++;
                _logged++;
                return true;
            }

            tally.Unlogged++;
            return false;
        }
    }

    private sealed class Tally
    {
        public int Logged { get; set; }

        public long Unlogged { get; set; }
    }
}
