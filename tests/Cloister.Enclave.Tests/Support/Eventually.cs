namespace Cloister.Enclave.Tests.Support;

/// <summary>Waits for what happens in the background; fails when it does not happen at all.</summary>
internal static class Eventually
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    internal static async Task TrueAsync(Func<bool> condition, string what)
    {
        long end = Environment.TickCount64 + (long)Patience.TotalMilliseconds;
        while (!condition())
        {
            Assert.True(Environment.TickCount64 < end, $"did not happen: {what}");
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }
}
