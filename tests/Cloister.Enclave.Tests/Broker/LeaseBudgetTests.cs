using System.Diagnostics;
using Cloister.Enclave.Base;
using Cloister.Enclave.Tests.Support;
using Cloister.Kbs;

namespace Cloister.Enclave.Tests.Broker;

/// <summary>Wraps and unwraps end each for itself, and however few they are, brokers are not asked all the time.</summary>
public sealed class LeaseBudgetTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Wraps_used_up_end_writes_only()
    {
        await using TestBroker broker = await StartAsync(wraps: 3, unwraps: 1000);
        await using AttestedFixture enclave = new(broker, _folder);
        await enclave.ReadyAsync();
        broker.Errors[KbsPaths.Auth] = "Busy";
        byte[] edek = await enclave.EncryptAsync();
        await enclave.EncryptAsync();
        await enclave.EncryptAsync();
        Assert.Contains("every wrap", (await Assert.ThrowsAsync<FailureException>(enclave.EncryptAsync)).Message, StringComparison.Ordinal);
        Assert.Null(enclave.Custody.Status.KeyId);
        enclave.Time.Forward(TimeSpan.FromSeconds(500));
        Assert.Equal(32, await enclave.DecryptAsync(edek));
        await Eventually.TrueAsync(() => File.Exists(_folder.File("lease.sealed")), "the copy");
        Assert.Equal((0, 999), (enclave.Custody.Lease!.WrapsLeft, enclave.Custody.Lease!.UnwrapsLeft));

        // The time bound still ends both.
        enclave.Time.Forward(TimeSpan.FromSeconds(161));
        await Assert.ThrowsAsync<FailureException>(() => enclave.DecryptAsync(edek));
    }

    [Fact]
    public async Task Unwraps_used_up_end_reads_only()
    {
        await using TestBroker broker = await StartAsync(wraps: 1000, unwraps: 2);
        await using AttestedFixture enclave = new(broker, _folder);
        await enclave.ReadyAsync();
        broker.Errors[KbsPaths.Auth] = "Busy";
        byte[] edek = await enclave.EncryptAsync();
        await enclave.DecryptAsync(edek);
        await enclave.DecryptAsync(edek);
        Assert.Contains("every unwrap", (await Assert.ThrowsAsync<FailureException>(() => enclave.DecryptAsync(edek))).Message, StringComparison.Ordinal);
        await enclave.EncryptAsync();
        Assert.NotNull(enclave.Custody.Status.KeyId);
        Assert.Contains("every unwrap", enclave.Custody.Status.Healthz, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(9)]
    [InlineData(12)]
    public async Task A_small_budget_works_and_renewals_have_a_second_between_them(int wraps)
    {
        await using TestBroker broker = await StartAsync(wraps, 1000);
        long start = Stopwatch.GetTimestamp();
        await using AttestedFixture enclave = new(broker);
        await Eventually.TrueAsync(() => enclave.Custody.Lease!.Lease.Length > 0, "a lease");
        int made = 0;
        while (Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(4) || made < 2 * wraps)
        {
            try
            {
                await enclave.EncryptAsync();
                made++;
            }
            catch (FailureException)
            {
                await Task.Delay(20, TestContext.Current.CancellationToken);
            }
        }

        // However slow this machine is, each renewal took a second at least; one that nothing used up is not renewed at all.
        int renewals = broker.Statements.Count - 1;
        Assert.InRange(renewals, wraps == 0 ? 0 : 1, wraps == 0 ? 0 : (int)Stopwatch.GetElapsedTime(start).TotalSeconds);
    }

    [Fact]
    public async Task A_budget_that_nobody_uses_is_not_renewed()
    {
        await using TestBroker broker = await StartAsync(5, 5);
        await using AttestedFixture enclave = new(broker);
        await enclave.ReadyAsync();
        await enclave.EncryptAsync();
        await Task.Delay(TimeSpan.FromSeconds(3), TestContext.Current.CancellationToken);
        Assert.Single(broker.Statements);
    }

    private static async Task<TestBroker> StartAsync(int wraps, int unwraps)
    {
        TestBroker broker = await TestBroker.StartAsync();
        broker.AddVersion();
        broker.Shape = terms => terms with { Wraps = wraps, Unwraps = unwraps, Time = 1_000_000 + broker.Statements.Count };
        return broker;
    }
}
