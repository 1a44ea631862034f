using System.Globalization;
using Cloister.Enclave.Base;
using Cloister.Enclave.Tests.Support;
using Cloister.Kbs;

namespace Cloister.Enclave.Tests.Broker;

/// <summary>An enclave that restarts while no broker answers, and clocks that step. The lease of the test broker holds 600 s, its grace 60 s.</summary>
public sealed class RestartTests : IDisposable
{
    private static readonly Uri[] Nowhere = [new("https://127.0.0.1:1")];

    private readonly TestFolder _folder = new();
    private readonly AttestedFixture.ShiftedTime _time = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Survives_on_its_sealed_copy_and_takes_a_lease_of_its_own_when_the_broker_is_back()
    {
        await using TestBroker broker = await StartAsync();
        byte[] edek;
        string? keyId;
        await using (AttestedFixture first = Enclave(broker))
        {
            await first.ReadyAsync();
            edek = await first.EncryptAsync();
            keyId = first.Custody.Status.KeyId;
        }

        broker.Errors[KbsPaths.Auth] = "Busy";
        await using AttestedFixture second = Enclave(broker);
        await second.ReadyAsync();
        Assert.Equal(keyId, second.Custody.Status.KeyId);
        Assert.Equal(32, await second.DecryptAsync(edek));
        Assert.True(second.Custody.Lease!.Restored);
        Assert.Equal("auth", second.Custody.Lease!.FailedStep);
        Assert.Contains(second.Log.Lines, line => line.Contains("comes from the sealed copy", StringComparison.Ordinal));
        await second.EncryptAsync();

        broker.Errors.Clear();
        await Eventually.TrueAsync(() => second.Custody.Lease is { Restored: false, Failure: "" }, "a lease of its own");
        Assert.Equal(["", ""], broker.Statements.Select(statement => statement.Lease));
        Assert.Equal([1, 0], broker.KeysSent);
        Assert.Equal(32, await second.DecryptAsync(edek));
    }

    [Fact]
    public async Task A_copy_ends_with_its_lease_and_goes_with_its_grace()
    {
        await using TestBroker broker = await StartAsync();
        byte[] edek = await FirstLifeAsync(broker);
        _time.Forward(TimeSpan.FromSeconds(610));
        await using (AttestedFixture inGrace = Enclave(broker, Nowhere))
        {
            await Eventually.TrueAsync(() => inGrace.Custody.Lease!.Restored, "restored");
            Assert.Null(inGrace.Custody.Status.KeyId);
            await Assert.ThrowsAsync<FailureException>(inGrace.EncryptAsync);
            Assert.Equal(32, await inGrace.DecryptAsync(edek));
            _time.Forward(TimeSpan.FromSeconds(60));
            await Eventually.TrueAsync(() => inGrace.Log.Lines.Any(line => line.Contains("is over: KEKs wiped", StringComparison.Ordinal)), "the log says so");
            Assert.Equal(0, inGrace.Arena.InUse);
            await Eventually.TrueAsync(() => !File.Exists(_folder.File("lease.sealed")), "the copy is removed");
        }
    }

    [Fact]
    public async Task After_its_lease_a_copy_is_refused()
    {
        await using TestBroker broker = await StartAsync();
        await FirstLifeAsync(broker);
        _time.Forward(TimeSpan.FromSeconds(661));
        await RefusedAsync(broker, "its lease is over");
    }

    [Theory]
    [InlineData(-86_400)]
    [InlineData(0)]
    public async Task Time_never_goes_back_before_the_copy(int hostStep)
    {
        await using TestBroker broker = await StartAsync();
        await using (AttestedFixture first = Enclave(broker))
        {
            await first.ReadyAsync();
            _time.Forward(TimeSpan.FromSeconds(250));
        }

        _time.StepHost(TimeSpan.FromSeconds(hostStep));
        await using AttestedFixture second = Enclave(broker, Nowhere);
        await second.ReadyAsync();
        Assert.InRange(second.Custody.Lease!.Now, 1_250_000, 1_300_000);
        _time.Forward(TimeSpan.FromSeconds(360));
        Assert.Null(second.Custody.Status.KeyId);
    }

    [Theory]
    [InlineData(-86_400)]
    [InlineData(86_400)]
    public async Task A_clock_of_the_host_that_steps_changes_nothing_in_a_running_enclave(int hostStep)
    {
        await using TestBroker broker = await StartAsync();
        await using AttestedFixture enclave = Enclave(broker);
        await enclave.ReadyAsync();
        _time.StepHost(TimeSpan.FromSeconds(hostStep));
        Assert.InRange(enclave.Custody.Lease!.Now, 1_000_000, 1_060_000);
        await enclave.EncryptAsync();
        broker.Errors[KbsPaths.Auth] = "Busy";
        enclave.Time.Forward(TimeSpan.FromSeconds(600));
        Assert.Null(enclave.Custody.Status.KeyId);
    }

    [Fact]
    public async Task Restarts_do_not_reset_the_uses()
    {
        await using TestBroker broker = await StartAsync();
        broker.Shape = terms => terms with { Wraps = 160 };
        await FirstLifeAsync(broker);
        int made = 1;
        for (int life = 0; life < 4; life++)
        {
            byte[] before = [];
            await using (AttestedFixture enclave = Enclave(broker, Nowhere))
            {
                await enclave.ReadyAsync();
                for (int i = 0; i < 25; i++, made++)
                {
                    await enclave.EncryptAsync();
                }

                before = await File.ReadAllBytesAsync(_folder.File("lease.sealed"), TestContext.Current.CancellationToken);
                Assert.InRange(enclave.Custody.Lease!.WrapsLeft, 0, 160 - made);
            }

            // As if it had been killed: the copy of an orderly end is not there.
            await File.WriteAllBytesAsync(_folder.File("lease.sealed"), before, TestContext.Current.CancellationToken);
        }

        await using AttestedFixture last = Enclave(broker, Nowhere);
        await Eventually.TrueAsync(() => last.Custody.Lease!.Restored, "restored");
        while (last.Custody.Status.KeyId is not null)
        {
            await last.EncryptAsync();
            made++;
        }

        Assert.InRange(made, 120, 160);
        await Assert.ThrowsAsync<FailureException>(last.EncryptAsync);
    }

    [Fact]
    public async Task An_orderly_end_gives_back_what_was_reserved()
    {
        await using TestBroker broker = await StartAsync();
        await FirstLifeAsync(broker);
        await using AttestedFixture second = Enclave(broker, Nowhere);
        await second.ReadyAsync();
        Assert.Equal(999, second.Custody.Lease!.WrapsLeft);
    }

    [Fact]
    public async Task An_older_copy_and_a_clock_set_back_bring_the_lease_back_after_a_revocation()
    {
        await using TestBroker broker = await StartAsync();
        byte[] edek = await FirstLifeAsync(broker);
        byte[] kept = await File.ReadAllBytesAsync(_folder.File("lease.sealed"), TestContext.Current.CancellationToken);
        broker.Errors[KbsPaths.Lease] = "LeaseRevoked";
        await using (AttestedFixture revoked = Enclave(broker))
        {
            await Eventually.TrueAsync(() => revoked.Custody.Status.ErrorCode == FailureKind.NotReady, "revoked");
            await Eventually.TrueAsync(() => !File.Exists(_folder.File("lease.sealed")), "the copy is removed");
        }

        // What docs/sealed-keks.md says that state.sealedLease gives up.
        _time.Forward(TimeSpan.FromDays(365));
        _time.StepHost(TimeSpan.FromDays(-365));
        await File.WriteAllBytesAsync(_folder.File("lease.sealed"), kept, TestContext.Current.CancellationToken);
        await using AttestedFixture again = Enclave(broker, Nowhere);
        await again.ReadyAsync();
        Assert.Equal(32, await again.DecryptAsync(edek));
    }

    [Fact]
    public async Task Another_configuration_is_refused()
    {
        await using TestBroker broker = await StartAsync();
        await FirstLifeAsync(broker);
        await RefusedAsync(broker, "another configuration", new string('1', 96));
    }

    [Theory]
    [InlineData("LeaseRevoked", false)]
    [InlineData("AttestationError", true)]
    public async Task A_broker_that_refuses_is_obeyed(string error, bool kept)
    {
        await using TestBroker broker = await StartAsync();
        await FirstLifeAsync(broker);
        broker.Errors[KbsPaths.Lease] = error;
        await using AttestedFixture second = Enclave(broker);
        await Eventually.TrueAsync(() => second.Custody.Status.ErrorCode == FailureKind.NotReady, "refused");
        Assert.Equal(0, second.Arena.InUse);
        await Eventually.TrueAsync(() => File.Exists(_folder.File("lease.sealed")) == kept, "the copy is kept, or removed");
        broker.Errors[KbsPaths.Lease] = "Busy";
        await Eventually.TrueAsync(() => second.Custody.Status.ErrorCode == FailureKind.Unavailable, "silent afterwards");
        Assert.Equal(0, second.Arena.InUse);
    }

    [Fact]
    public async Task A_host_that_swaps_the_broker_gets_nothing_asked_and_the_copy_serves()
    {
        await using TestBroker broker = await StartAsync();
        await FirstLifeAsync(broker);
        await using TestBroker other = await StartAsync();
        await using AttestedFixture second = Enclave(broker, [other.Url]);
        await second.ReadyAsync();
        Assert.True(second.Custody.Lease!.Restored);
        Assert.Empty(other.Statements);
    }

    private static async Task<TestBroker> StartAsync()
    {
        TestBroker broker = await TestBroker.StartAsync();
        broker.AddVersion();
        return broker;
    }

    private AttestedFixture Enclave(TestBroker broker, Uri[]? urls = null, string? configuration = null) => new(broker, _folder, _time, urls, configuration);

    private async Task<byte[]> FirstLifeAsync(TestBroker broker)
    {
        await using AttestedFixture first = Enclave(broker);
        await first.ReadyAsync();
        Assert.Equal(1_600_000, first.Custody.Lease!.Expires);
        Assert.Contains(first.Log.Lines, line => line.Contains(string.Create(CultureInfo.InvariantCulture, $"granted by {broker.Url}"), StringComparison.Ordinal));
        return await first.EncryptAsync();
    }

    private async Task RefusedAsync(TestBroker broker, string why, string? configuration = null)
    {
        await using AttestedFixture second = Enclave(broker, Nowhere, configuration);
        await Eventually.TrueAsync(() => second.Log.Lines.Any(line => line.Contains(why, StringComparison.Ordinal)), $"refused because {why}");
        Assert.Null(second.Custody.Status.KeyId);
        Assert.Equal(0, second.Arena.InUse);
    }
}
