using Cloister.Enclave.Base;
using Cloister.Enclave.Tests.Support;
using Cloister.Kbs;

namespace Cloister.Enclave.Tests.Broker;

/// <summary>Storage or platform that hangs or fails under the sealed copy. The lease of the test broker holds 600 s; of its 160 wraps, 10 are reserved at a time.</summary>
public sealed class StalledStorageTests : IDisposable
{
    private readonly TestFolder _folder = new();
    private readonly KeySealer _platform = new(TestKeys.Of(3));
    private readonly AttestedFixture.ShiftedTime _time = new();

    private string Copy => _folder.File("lease.sealed");

    public void Dispose()
    {
        _platform.Hang(false);
        _folder.Dispose();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_lease_ends_while_the_platform_hangs_under_its_copy(bool revoked)
    {
        await using TestBroker broker = await StartAsync();
        await using AttestedFixture enclave = Enclave(broker);
        byte[] edek = await ReadyAsync(enclave);
        _platform.Hang(true);
        for (int i = 0; i < 30; i++)
        {
            // Past what is reserved: the copy is given up after a second, and uses go on.
            await enclave.EncryptAsync();
        }

        Assert.Equal(1, _platform.Waiting);
        Assert.Contains(enclave.Log.Lines, line => line.Contains("the sealed copy is given up", StringComparison.Ordinal));
        Assert.Equal(32, await enclave.DecryptAsync(edek));
        if (revoked)
        {
            broker.Errors[KbsPaths.Lease] = broker.Errors[KbsPaths.Watch] = "LeaseRevoked";
        }
        else
        {
            broker.Errors[KbsPaths.Auth] = "Busy";
            _time.Forward(TimeSpan.FromSeconds(661));
        }

        await Eventually.TrueAsync(() => enclave.Custody.Status.KeyId is null && enclave.Arena.InUse == 0, "KEKs wiped");
        await Assert.ThrowsAsync<FailureException>(() => enclave.DecryptAsync(edek));
        Assert.Equal(1, _platform.Waiting);
        _platform.Hang(false);
        await Eventually.TrueAsync(() => !File.Exists(Copy), "the copy is removed as soon as that is possible");
    }

    [Fact]
    public async Task What_passes_keeps_the_copy_and_is_tried_again()
    {
        await using TestBroker broker = await StartAsync();
        await using AttestedFixture enclave = Enclave(broker);
        await ReadyAsync(enclave);
        byte[] before = await BytesAsync();
        _platform.Fails = true;
        for (int i = 0; i < 7; i++)
        {
            await enclave.EncryptAsync();
        }

        await Eventually.TrueAsync(() => enclave.Log.Lines.Any(line => line.Contains("too many open files; it is tried again", StringComparison.Ordinal)), "said");
        Assert.Equal(before, await BytesAsync());
        _platform.Fails = false;
        _time.Forward(TimeSpan.FromSeconds(5));
        await Eventually.TrueAsync(() => enclave.Log.Lines.Any(line => line.Contains("can be written and removed again", StringComparison.Ordinal)), "said");
        Assert.NotEqual(before, await BytesAsync());
        Assert.DoesNotContain(enclave.Log.Lines, line => line.Contains("given up", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_copy_that_no_longer_counts_is_removed_and_written_again_when_storage_is_back()
    {
        await using TestBroker broker = await StartAsync();
        int made = 1;
        await using (AttestedFixture enclave = Enclave(broker))
        {
            await ReadyAsync(enclave);
            _platform.Fails = true;
            for (; made < 30; made++)
            {
                await enclave.EncryptAsync();
            }

            await Eventually.TrueAsync(() => !File.Exists(Copy), "removed");
            _platform.Fails = false;
            await Eventually.TrueAsync(
                () =>
                {
                    _time.Forward(TimeSpan.FromSeconds(0.1));
                    return File.Exists(Copy);
                },
                "written again");
        }

        broker.Errors[KbsPaths.Auth] = "Busy";
        await using AttestedFixture second = Enclave(broker);
        await second.ReadyAsync();
        Assert.Equal(160 - made, second.Custody.Lease!.WrapsLeft);
    }

    [Fact]
    public async Task A_copy_that_cannot_be_read_for_a_moment_is_read_later()
    {
        await using TestBroker broker = await StartAsync();
        await using (AttestedFixture first = Enclave(broker))
        {
            await ReadyAsync(first);
        }

        broker.Errors[KbsPaths.Auth] = "Busy";
        _platform.Fails = true;
        await using AttestedFixture second = Enclave(broker);
        await Eventually.TrueAsync(() => second.Log.Lines.Any(line => line.Contains("too many open files", StringComparison.Ordinal)), "said");
        Assert.Null(second.Custody.Status.KeyId);
        Assert.True(File.Exists(Copy));
        _platform.Fails = false;
        await second.ReadyAsync();
        Assert.True(second.Custody.Lease!.Restored);
    }

    [Fact]
    public async Task A_lease_that_was_asked_for_before_a_revocation_is_not_taken_after_it()
    {
        await using TestBroker broker = await StartAsync();
        await using AttestedFixture enclave = Enclave(broker);
        byte[] edek = await ReadyAsync(enclave);
        using ManualResetEventSlim answer = new();
        broker.Shape = terms =>
        {
            answer.Wait();
            return terms;
        };
        int asked = broker.Statements.Count;
        _time.Forward(TimeSpan.FromSeconds(400));
        await Eventually.TrueAsync(() => broker.Statements.Count > asked, "a renewal is under way");
        broker.Errors[KbsPaths.Lease] = broker.Errors[KbsPaths.Watch] = "LeaseRevoked";
        await Eventually.TrueAsync(() => enclave.Custody.Status.KeyId is null, "revoked");
        answer.Set();
        await Eventually.TrueAsync(() => enclave.Log.Lines.Any(line => line.Contains("revoked while it was asked for", StringComparison.Ordinal)), "not taken");
        await Assert.ThrowsAsync<FailureException>(() => enclave.DecryptAsync(edek));
    }

    private static async Task<TestBroker> StartAsync()
    {
        TestBroker broker = await TestBroker.StartAsync();
        broker.AddVersion();
        broker.Shape = terms => terms with { Wraps = 160 };
        return broker;
    }

    private AttestedFixture Enclave(TestBroker broker) => new(broker, _folder, _time, sealer: _platform);

    private async Task<byte[]> ReadyAsync(AttestedFixture enclave)
    {
        await enclave.ReadyAsync();
        byte[] edek = await enclave.EncryptAsync();
        await Eventually.TrueAsync(() => File.Exists(Copy), "the copy");
        return edek;
    }

    private async Task<byte[]> BytesAsync() => await File.ReadAllBytesAsync(Copy, TestContext.Current.CancellationToken);
}
