namespace Cloister.Cli.Tests.Harness;

/// <summary>Waits for what has to become true.</summary>
internal static class Eventually
{
    internal static Task TrueAsync(Func<bool> condition, string what, TimeSpan? limit = null) =>
        TrueAsync(() => Task.FromResult(condition()), what, limit);

    internal static async Task TrueAsync(Func<Task<bool>> condition, string what, TimeSpan? limit = null)
    {
        long deadline = Environment.TickCount64 + (long)(limit ?? TimeSpan.FromSeconds(30)).TotalMilliseconds;
        while (!await condition())
        {
            Assert.True(Environment.TickCount64 < deadline, $"not so in time: {what}");
            await Task.Delay(20);
        }
    }
}
