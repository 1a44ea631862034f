using Cloister.Enclave.Broker;
using Cloister.Enclave.Hosting;
using Cloister.Enclave.Tees;
using Cloister.Enclave.Tees.Devices;
using Cloister.Enclave.Tees.Sgx;
using Cloister.Tee.Tests.Support;

namespace Cloister.Tee.Tests.Devices;

/// <summary>A device that hangs: callers are told, and it works again when it comes back.</summary>
public sealed class DeviceGateTests
{
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(300);

    [Fact]
    public async Task A_quote_that_never_comes_is_given_up_and_one_thread_with_it()
    {
        GramineMachine machine = new();
        using ManualResetEventSlim back = new();
        Func<byte[], byte[]> honest = machine.Quote;
        ITee? tee = TeeDetector.Find(machine, PageProtection.Real, name => new DeviceGate(name, TimeSpan.FromSeconds(2)), out _, out string whatToDo);
        Assert.Equal("", whatToDo);
        machine.Quote = data =>
        {
            back.Wait(TestContext.Current.CancellationToken);
            return honest(data);
        };
        BrokerException refusal = await Sample.RefusedAsync(tee!);
        Assert.Equal(BrokerFailure.Unavailable, refusal.Failure);
        Assert.Contains("has not answered within 2 s", refusal.Message, StringComparison.Ordinal);

        // While it hangs nobody waits, and no second thread is lost.
        for (int i = 0; i < 100; i++)
        {
            Assert.Contains("has not answered", (await Sample.RefusedAsync(tee!)).Message, StringComparison.Ordinal);
        }

        back.Set();
        await WorksAgainAsync(tee!);
    }

    [Fact]
    public void A_device_that_hangs_at_start_keeps_it_from_starting()
    {
        GramineMachine machine = new();
        using ManualResetEventSlim back = new();
        machine[GramineFiles.MyTargetInfo].OnRead = () =>
        {
            back.Wait(TestContext.Current.CancellationToken);
            return [];
        };
        Assert.Contains("has not answered", Sample.NotFound(machine, gate: name => new DeviceGate(name, Short)), StringComparison.Ordinal);
        back.Set();
    }

    [Fact]
    public async Task A_thread_that_cannot_be_started_costs_one_attempt()
    {
        int starts = 0;
        DeviceGate gate = new("/dev/x", Short, start: thread =>
        {
            if (starts++ < 2)
            {
                throw new InsufficientMemoryException();
            }

            thread.Start();
        });
        for (int i = 0; i < 2; i++)
        {
            TeeException refusal = await Assert.ThrowsAsync<TeeException>(() => gate.RunAsync(() => 1, TestContext.Current.CancellationToken));
            Assert.Contains("no thread can be started", refusal.Message, StringComparison.Ordinal);
            Assert.True(refusal.IsPassing);
        }

        Assert.Equal(1, await gate.RunAsync(() => 1, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_caller_that_gives_up_leaves_the_device_to_the_next()
    {
        GramineMachine machine = new();
        ITee tee = Sample.Found(machine);
        using CancellationTokenSource gone = new();
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await tee.Evidence!.GetAsync(Sample.Binding(), gone.Token));
        Assert.NotEmpty(await Sample.EvidenceAsync(tee, "quote"));
    }

    private static async Task WorksAgainAsync(ITee tee)
    {
        while (true)
        {
            try
            {
                Assert.NotEmpty(await Sample.EvidenceAsync(tee, "quote"));
                return;
            }
            catch (BrokerException)
            {
                await Task.Delay(20, TestContext.Current.CancellationToken);
            }
        }
    }
}
