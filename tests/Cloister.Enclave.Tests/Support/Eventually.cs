namespace Cloister.Enclave.Tests.Support;

/// <summary>Waits for what happens in the background; fails when it does not happen at all.</summary>
internal static class Eventually
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    internal static async Task TrueAsync(Func<bool> condition, string what)
    {
        long end = Environment.TickCount64 + (long)Timeout.TotalMilliseconds;
        while (!condition())
        {
            Assert.True(Environment.TickCount64 < end, $"did not happen: {what}");
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }
}
