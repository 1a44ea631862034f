using System.Collections.Concurrent;
using System.Threading.Channels;
using Cloister.Audit;
using Cloister.Broker.Host.Configuration;
using Cloister.Broker.Host.Hosting;
using Cloister.Broker.State;
using Cloister.Broker.State.Audit;

namespace Cloister.Broker.Host.Audit;

/// <summary>
/// Takes checkpoints as they are signed: remembers the head, has witnesses cosign it, and sends it where the configuration says. Nobody waits for that: queues
/// are bounded, the oldest goes first when one is full, and what fails is tried again. Thread-safe. secrets: none.
/// </summary>
internal sealed class CheckpointPublisher : IAsyncDisposable
{
    private const int QueueLength = 64;
    private static readonly TimeSpan WitnessTime = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan SendTime = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan DrainTime = TimeSpan.FromSeconds(3);

    private readonly HeadMemory _memory;
    private readonly IAuditLog _state;
    private readonly BrokerLog _log;
    private readonly TimeProvider _clock;
    private readonly Witness[] _witnesses;
    private readonly List<(CheckpointTarget Target, Channel<AuditCheckpoint> Queue)> _targets;
    private readonly Channel<AuditCheckpoint> _signed = Queue();
    private readonly ConcurrentDictionary<string, Delivery> _deliveries = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _work;

    /// <summary>Begins.</summary>
    public CheckpointPublisher(AuditSection section, HeadMemory memory, IAuditLog state, BrokerLog log, TimeProvider clock)
    {
        (_memory, _state, _log, _clock) = (memory, state, log, clock);
        _witnesses = [.. section.Witnesses.Select(witness => new Witness(witness, state))];
        _targets = [.. section.Targets.Select(target => (CheckpointTarget.Of(target, clock), Queue()))];
        foreach (string name in _targets.Select(one => one.Target.Name).Concat(_witnesses.Select(WitnessName)))
        {
            _deliveries.TryAdd(name, default);
        }

        _work = Task.WhenAll([CosignAsync(), .. _targets.Select(one => SendAsync(one.Target, one.Queue))]);
    }

    /// <summary>Whether the log was found not to go on from what this broker has seen of it; until it does.</summary>
    public bool IsInConflict { get; set; }

    /// <summary>Takes a checkpoint; does not wait.</summary>
    public void OnSigned(AuditCheckpoint checkpoint, AuditTree tree)
    {
        try
        {
            _memory.Write(RememberedHead.Of(checkpoint.Origin, tree));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or BrokerStateException)
        {
            _log.HeadNotRemembered(_memory.Path, e.Message);
        }

        _signed.Writer.TryWrite(checkpoint);
    }

    /// <summary>Entries of the audit log, as far as this broker knows.</summary>
    public long Size => _state.Head?.Size ?? 0;

    /// <summary>What got where, by name of the place.</summary>
    public IEnumerable<(string To, Delivery Delivery)> Deliveries => _deliveries.Select(one => (one.Key, one.Value));

    /// <summary>Sends what waits, for 3 s at most, and ends.</summary>
    public async ValueTask DisposeAsync()
    {
        _signed.Writer.TryComplete();
        _stop.CancelAfter(DrainTime);
        await _work;
        foreach (IDisposable one in _witnesses.Concat<IDisposable>(_targets.Select(one => one.Target)))
        {
            one.Dispose();
        }

        _stop.Dispose();
    }

    private static Channel<AuditCheckpoint> Queue() => Channel.CreateBounded<AuditCheckpoint>(new BoundedChannelOptions(QueueLength) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });

    private static string WitnessName(Witness witness) => $"witness:{witness.Name}";

    private async Task CosignAsync()
    {
        await foreach (AuditCheckpoint signed in _signed.Reader.ReadAllAsync(CancellationToken.None))
        {
            AuditCheckpoint checkpoint = signed;
            NoteSignature[] cosignatures = [.. (await Task.WhenAll(_witnesses.Select(witness => CosignAsync(witness, signed)))).OfType<NoteSignature>()];
            if (cosignatures.Length > 0)
            {
                checkpoint = signed with { Note = signed.Note with { Signatures = [.. signed.Note.Signatures, .. cosignatures] } };
                await TryAsync("witness", () => _state.CosignAsync(checkpoint, _stop.Token));
            }

            foreach ((_, Channel<AuditCheckpoint> queue) in _targets)
            {
                queue.Writer.TryWrite(checkpoint);
            }
        }

        _targets.ForEach(one => one.Queue.Writer.TryComplete());
    }

    private async Task<NoteSignature?> CosignAsync(Witness witness, AuditCheckpoint checkpoint)
    {
        NoteSignature? cosignature = null;
        using CancellationTokenSource time = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        time.CancelAfter(WitnessTime);
        if (await TryAsync(WitnessName(witness), async () => cosignature = await witness.CosignAsync(checkpoint, time.Token)))
        {
            Arrived(WitnessName(witness), checkpoint);
        }

        return cosignature;
    }

    private async Task SendAsync(CheckpointTarget target, Channel<AuditCheckpoint> queue)
    {
        await foreach (AuditCheckpoint checkpoint in queue.Reader.ReadAllAsync(CancellationToken.None))
        {
            string line = AuditLines.Write(new AuditLine(Checkpoint: checkpoint.Note.ToString()));
            TimeSpan pause = TimeSpan.FromSeconds(1);
            while (!await TryAsync(target.Name, () => SendOnceAsync(target, line)) && !_stop.IsCancellationRequested)
            {
                await Task.Delay(pause, _clock, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
            }

            if (!_stop.IsCancellationRequested)
            {
                Arrived(target.Name, checkpoint);
            }
        }
    }

    private async Task SendOnceAsync(CheckpointTarget target, string line)
    {
        using CancellationTokenSource time = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        time.CancelAfter(SendTime);
        await target.SendAsync(line, time.Token);
    }

    private void Arrived(string name, AuditCheckpoint checkpoint) => _deliveries.AddOrUpdate(
        name, _ => default, (_, before) => before with { Size = Math.Max(before.Size, checkpoint.Size), At = _clock.GetUtcNow().ToUnixTimeSeconds() });

    private async Task<bool> TryAsync(string name, Func<Task> act)
    {
        try
        {
            await act();
            return true;
        }
        catch (Exception e)
        {
            // Whatever it is: checkpoints go on.
            _deliveries.AddOrUpdate(name, _ => default, (_, before) => before with { Failures = before.Failures + 1 });
            _log.CheckpointNotSent(name, e is OperationCanceledException ? "no answer in time" : e.Message);
            return false;
        }
    }

    /// <summary>What got to one place.</summary>
    /// <param name="Size">Entries that the newest checkpoint there covers.</param>
    /// <param name="At">When, seconds since 1970; 0: never.</param>
    /// <param name="Failures">Attempts that failed.</param>
    internal readonly record struct Delivery(long Size, long At, long Failures);
}
