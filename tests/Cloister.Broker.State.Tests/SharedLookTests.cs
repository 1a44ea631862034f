using Cloister.Broker.State.Rows;

namespace Cloister.Broker.State.Tests;

public sealed class SharedLookTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Who_asks_while_one_is_on_its_way_shares_the_next()
    {
        List<TaskCompletionSource<int>> looks = [];
        SemaphoreSlim begun = new(0);
        SharedLook<int> shared = new(() =>
        {
            TaskCompletionSource<int> look = new(TaskCreationOptions.RunContinuationsAsynchronously);
            looks.Add(look);
            begun.Release();
            return look.Task;
        });
        Task<int> first = shared.AskAsync(Cancellation);
        await begun.WaitAsync(Cancellation);

        // What the first look sees may be older than they are.
        Task<int>[] others = [.. Enumerable.Range(0, 5).Select(_ => shared.AskAsync(Cancellation))];
        using CancellationTokenSource gaveUp = new();
        Task<int> gone = shared.AskAsync(gaveUp.Token);
        await gaveUp.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => gone);
        looks[0].SetResult(1);
        Assert.Equal(1, await first);
        await begun.WaitAsync(Cancellation);
        Assert.DoesNotContain(others, one => one.IsCompleted);
        Task<int> last = shared.AskAsync(Cancellation);
        looks[1].SetException(new IOException("no answer"));
        foreach (Task<int> other in others)
            await Assert.ThrowsAsync<IOException>(() => other);

        // One that fails takes no later one with it.
        await begun.WaitAsync(Cancellation);
        looks[2].SetResult(3);
        Assert.Equal(3, await last);
        Assert.Equal(3, looks.Count);
    }

    [Fact]
    public async Task An_answer_is_never_older_than_its_question()
    {
        long now = 0;
        SharedLook<long> shared = new(async () =>
        {
            long seen = Interlocked.Read(ref now);
            await Task.Yield();
            return seen;
        });
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
        {
            for (int i = 0; i < 2000; i++)
            {
                long asked = Interlocked.Increment(ref now);
                Assert.True(await shared.AskAsync(Cancellation) >= asked);
            }
        })));
    }
}
