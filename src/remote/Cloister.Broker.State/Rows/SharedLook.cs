namespace Cloister.Broker.State.Rows;

/// <summary>
/// A question to the database that many ask at once. An answer is of a moment after it was asked for: who asks while one is on its way shares the next
/// one with all others who do. Thread-safe.
/// </summary>
/// <param name="look">Asks.</param>
internal sealed class SharedLook<T>(Func<Task<T>> look)
{
    private readonly Lock _lock = new();
    private Task<T>? _running;
    private Task<T>? _next;

    /// <summary>The answer.</summary>
    public Task<T> AskAsync(CancellationToken cancellation)
    {
        lock (_lock)
        {
            if (_next is null && _running is null or { IsCompleted: true })
                return (_running = Task.Run(look, CancellationToken.None)).WaitAsync(cancellation);
            _next ??= _running!.ContinueWith(_ => Begin(), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default).Unwrap();
            return _next.WaitAsync(cancellation);
        }
    }

    private Task<T> Begin()
    {
        lock (_lock)
            (_running, _next) = (_next, null);
        return look();
    }
}
