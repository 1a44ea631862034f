namespace Cloister.Broker.State.Sql;

/// <summary>A write that somebody waits for.</summary>
internal abstract class WriteRequest
{
    /// <summary>Writes. May be called again in another transaction after the first was rolled back.</summary>
    public abstract Task RunAsync(WriteTransaction transaction);

    /// <summary>Its transaction was committed.</summary>
    public abstract void Complete();

    public abstract void Fail(Exception exception);
}

/// <summary>A write with a result.</summary>
internal sealed class WriteRequest<T>(Func<WriteTransaction, Task<T>> work) : WriteRequest
{
    private readonly TaskCompletionSource<T> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private T? _result;

    public Task<T> Completion => _completion.Task;

    public override async Task RunAsync(WriteTransaction transaction) => _result = await work(transaction);

    public override void Complete() => _completion.TrySetResult(_result!);

    public override void Fail(Exception exception) => _completion.TrySetException(exception);
}
