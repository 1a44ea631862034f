namespace Cloister.Broker.State.Sql;

/// <summary>A write whose statements are known beforehand. Those of all requests that wait go to the database in one round trip, where it takes them so.</summary>
internal abstract class BatchedWrite : WriteRequest
{
    /// <summary>What is executed.</summary>
    public abstract IReadOnlyList<Statement> Statements { get; }

    /// <summary>May ask the database.</summary>
    public abstract Task BeforeAsync(WriteTransaction transaction);

    /// <summary>Reads an answer of each statement that has one, and asks nothing else.</summary>
    public abstract Task ReadAsync(WriteTransaction transaction, Answers answers);

    /// <summary>May ask the database.</summary>
    public abstract Task AfterAsync(WriteTransaction transaction);

    /// <inheritdoc/>
    public override Task RunAsync(WriteTransaction transaction) => RunAsync(transaction, [this], 0, 1, _ => { });

    /// <summary>Makes some of a batch's.</summary>
    /// <param name="transaction">In what.</param>
    /// <param name="batch">All.</param>
    /// <param name="first">The first of those.</param>
    /// <param name="end">After the last of those.</param>
    /// <param name="running">Is told whose turn it is.</param>
    public static async Task RunAsync(WriteTransaction transaction, IReadOnlyList<WriteRequest> batch, int first, int end, Action<WriteRequest> running)
    {
        BatchedWrite[] writes = [.. batch.Skip(first).Take(end - first).Cast<BatchedWrite>()];
        foreach (BatchedWrite write in writes)
        {
            running(write);
            await write.BeforeAsync(transaction);
        }
        running(writes[0]);
        using (Answers answers = transaction.Execute([.. writes.SelectMany(write => write.Statements)]))
        {
            foreach (BatchedWrite write in writes)
            {
                running(write);
                await write.ReadAsync(transaction, answers);
            }
        }
        foreach (BatchedWrite write in writes)
        {
            running(write);
            await write.AfterAsync(transaction);
        }
    }
}

/// <summary>With a result.</summary>
/// <param name="statements">What is executed.</param>
/// <param name="read">Reads the answers.</param>
internal sealed class BatchedWrite<T>(IReadOnlyList<Statement> statements, Func<WriteTransaction, Answers, Task<T>> read) : BatchedWrite
{
    private readonly TaskCompletionSource<T> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private T? _result;

    /// <summary>What is asked of the database before.</summary>
    public Func<WriteTransaction, Task> Before { get; init; } = _ => Task.CompletedTask;

    /// <summary>What is asked of it afterwards, told the result.</summary>
    public Func<WriteTransaction, T, Task> After { get; init; } = (_, _) => Task.CompletedTask;

    /// <summary>The result, when it is durable.</summary>
    public Task<T> Completion => _completion.Task;

    /// <inheritdoc/>
    public override IReadOnlyList<Statement> Statements => statements;

    /// <inheritdoc/>
    public override Task BeforeAsync(WriteTransaction transaction) => Before(transaction);

    /// <inheritdoc/>
    public override async Task ReadAsync(WriteTransaction transaction, Answers answers) => _result = await read(transaction, answers);

    /// <inheritdoc/>
    public override Task AfterAsync(WriteTransaction transaction) => After(transaction, _result!);

    /// <inheritdoc/>
    public override void Complete() => _completion.TrySetResult(_result!);

    /// <inheritdoc/>
    public override void Fail(Exception exception) => _completion.TrySetException(exception);
}
