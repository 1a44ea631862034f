using System.Data;
using System.Data.Common;
using System.Diagnostics;
using System.Threading.Channels;
using Cloister.Broker.State.Audit;

namespace Cloister.Broker.State.Sql;

/// <summary>
/// Every write of a process goes through here: one writer takes all requests that wait and commits them in one transaction, so the cost of
/// syncing is shared. It has a thread of its own, on which it waits for the database: what everybody waits for does not queue behind what they ask for.
/// secrets: requests may hold tokens.
/// </summary>
internal sealed class WriteQueue : IAsyncDisposable
{
    private const int LargestBatch = 512;

    private readonly Dialect _dialect;
    private readonly TimeProvider _clock;
    private readonly Channel<WriteRequest> _requests =
        Channel.CreateBounded<WriteRequest>(new BoundedChannelOptions(8 * LargestBatch) { SingleReader = true });
    private readonly Task _writer;
    private DbConnection? _kept;
    private AuditTree? _tree;

    public WriteQueue(Dialect dialect, TimeProvider clock)
    {
        _dialect = dialect;
        _clock = clock;
        _writer = Task.Factory.StartNew(Write, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>Told how long each transaction took.</summary>
    public Action<TimeSpan>? Observed { get; set; }

    /// <summary>Writes that wait.</summary>
    public int Waiting => _requests.Reader.Count;

    /// <summary>What is known of the audit log: as it was after the last transaction that looked. Not to be changed.</summary>
    public AuditTree? Tree => Volatile.Read(ref _tree);

    /// <summary>Writes.</summary>
    /// <param name="work">May be called more than once; must change nothing but the database.</param>
    /// <param name="cancellation">Stops waiting; the write may be made all the same.</param>
    /// <returns>The work's result, when it is durable.</returns>
    public async Task<T> RunAsync<T>(Func<WriteTransaction, Task<T>> work, CancellationToken cancellation)
    {
        var request = new WriteRequest<T>(work);
        await AddAsync(request, cancellation);
        return await request.Completion.WaitAsync(cancellation);
    }

    /// <summary>Writes, together with others of its like.</summary>
    /// <returns>The result, when it is durable.</returns>
    public async Task<T> RunAsync<T>(BatchedWrite<T> write, CancellationToken cancellation)
    {
        await AddAsync(write, cancellation);
        return await write.Completion.WaitAsync(cancellation);
    }

    /// <summary>Makes the writes that wait, and takes no more.</summary>
    public async ValueTask DisposeAsync()
    {
        _requests.Writer.TryComplete();
        await _writer;
        await CloseAsync();
    }

    private async Task AddAsync(WriteRequest request, CancellationToken cancellation)
    {
        try
        {
            await _requests.Writer.WriteAsync(request, cancellation);
        }
        catch (ChannelClosedException)
        {
            throw new BrokerStateException(BrokerStateError.Unavailable, "the broker's state is closed");
        }
    }

    private void Write()
    {
        var batch = new List<WriteRequest>(LargestBatch);
        while (_requests.Reader.WaitToReadAsync().AsTask().GetAwaiter().GetResult())
        {
            batch.Clear();
            while (batch.Count < LargestBatch && _requests.Reader.TryRead(out WriteRequest? request))
                batch.Add(request);
            // One that fails takes none of the others with it: it is tried alone, and the others together without it.
            while (TryCommitAsync(batch).GetAwaiter().GetResult() is { } culprit)
            {
                batch.Remove(culprit);
                TryCommitAsync([culprit]).GetAwaiter().GetResult();
            }
        }
    }

    // The request that failed: nothing was written, nobody was told, and the others may succeed. Null: whoever waits was told, exactly once.
    private async Task<WriteRequest?> TryCommitAsync(List<WriteRequest> batch)
    {
        WriteRequest? running = null;
        long began = Stopwatch.GetTimestamp();
        try
        {
            using WriteTransaction writes = await BeginAsync();
            for (int i = 0, end; i < batch.Count; i = end)
            {
                for (end = i + 1; batch[i] is BatchedWrite && end < batch.Count && batch[end] is BatchedWrite; end++)
                {
                }
                running = batch[i];
                await (running is BatchedWrite ? BatchedWrite.RunAsync(writes, batch, i, end, request => running = request) : running.RunAsync(writes));
            }
            writes.Commit(() => running = null); // what may have been made is not tried again
            if (writes.Tree is { } tree)
                Volatile.Write(ref _tree, tree);
            Observed?.Invoke(Stopwatch.GetElapsedTime(began));
        }
        catch (Exception exception)
        {
            if (running is not null && batch.Count > 1 && _kept is { State: ConnectionState.Open })
                return running;
            if (exception is not (BrokerStateException or ArgumentException))
                await CloseAsync();
            Exception answer = exception is BrokerStateException or ArgumentException ? exception : Reads.Unavailable(exception);
            batch.ForEach(request => request.Fail(answer));
            return null;
        }
        batch.ForEach(request => request.Complete());
        return null;
    }

    // On the connection of last time. Nothing was written yet, so one that broke meanwhile is replaced.
    private async Task<WriteTransaction> BeginAsync()
    {
        if (_kept is { State: ConnectionState.Open } kept)
        {
            try
            {
                return WriteTransaction.Begin(_dialect, kept, _clock, _tree);
            }
            catch (Exception e) when (e is DbException or InvalidOperationException or IOException)
            {
                await CloseAsync();
            }
        }
        _kept = await _dialect.ConnectAsync(CancellationToken.None);
        return WriteTransaction.Begin(_dialect, _kept, _clock, _tree);
    }

    private async Task CloseAsync()
    {
        try
        {
            if (_kept is not null)
                await _kept.DisposeAsync();
        }
        catch (DbException)
        {
            // It is broken; the pool drops it. The outcome of its transaction is known already.
        }
        _kept = null;
    }
}
