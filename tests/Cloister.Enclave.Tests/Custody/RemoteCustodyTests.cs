using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Cloister.Enclave.Base;
using Cloister.Enclave.Tests.Support;

namespace Cloister.Enclave.Tests.Custody;

public sealed class RemoteCustodyTests
{
    [Fact]
    public async Task Writes_do_not_wait_for_the_KMS_while_the_pool_lasts()
    {
        await using RemoteFixture remote = await new RemoteFixture().ReadyAsync();
        remote.Kms.Hold();
        int calls = remote.Kms.Encrypts;
        for (int i = 0; i < RemoteFixture.Options.PoolSize; i++)
        {
            await remote.EncryptAsync();
        }

        // The one refill that was begun is held; without it nothing more can be written.
        Task<byte[]> next = remote.EncryptAsync();
        await Eventually.TrueAsync(() => remote.Kms.Encrypts == calls + 1, "the refill begun");
        Assert.Equal(0, remote.Remote.ReadyDeks);
        Assert.False(next.IsCompleted);
        remote.Kms.LetGo();
        Assert.Equal(TestKeys.Of(1), await remote.DecryptAsync(await next));
    }

    [Theory]
    [InlineData(1, 10)]
    [InlineData(3, 4)]
    [InlineData(10, 1)]
    [InlineData(1000, 1)]
    public async Task A_DEK_is_used_as_often_as_it_may(int uses, int expected)
    {
        await using RemoteFixture remote = await new RemoteFixture(options: RemoteFixture.Options with { DekMaxUses = uses }).ReadyAsync();
        HashSet<string> wrapped = [];
        for (int i = 0; i < 10; i++)
        {
            wrapped.Add(Convert.ToHexString(Edek.Parse(await remote.EncryptAsync()).WrappedDek));
        }

        Assert.Equal(expected, wrapped.Count);
    }

    [Fact]
    public async Task A_DEK_is_replaced_when_it_is_old_however_little_it_was_used()
    {
        await using RemoteFixture remote = await new RemoteFixture(
            options: RemoteFixture.Options with { DekMaxUses = int.MaxValue, DekMaxAge = TimeSpan.FromMilliseconds(300) }).ReadyAsync();
        byte[] first = Edek.Parse(await remote.EncryptAsync()).WrappedDek.ToArray();
        byte[] wrapped;
        do
        {
            await Task.Delay(20, TestContext.Current.CancellationToken);
            wrapped = Edek.Parse(await remote.EncryptAsync()).WrappedDek.ToArray();
        }
        while (wrapped.AsSpan().SequenceEqual(first));
    }

    [Fact]
    public async Task Reads_of_what_was_written_here_make_no_call()
    {
        await using RemoteFixture remote = await new RemoteFixture().ReadyAsync();
        for (byte i = 1; i <= 20; i++)
        {
            byte[] edek = await remote.EncryptAsync(i);
            Assert.Equal(TestKeys.Of(i), await remote.DecryptAsync(edek));
            Assert.Equal(TestKeys.Of(i), await remote.DecryptAsync(edek));
        }

        Assert.Equal(0, remote.Kms.Decrypts);
    }

    [Fact]
    public async Task Cold_reads_of_one_DEK_share_one_call_and_the_next_makes_none()
    {
        await using RemoteFixture writer = await new RemoteFixture().ReadyAsync();
        byte[] edek = await writer.EncryptAsync(5);
        await using RemoteFixture reader = await new RemoteFixture(writer.Kms).ReadyAsync();
        reader.Kms.Hold();
        Task<byte[]>[] reads = [.. Enumerable.Range(0, 64).Select(_ => Task.Run(() => reader.DecryptAsync(edek), TestContext.Current.CancellationToken))];
        await Eventually.TrueAsync(() => reader.Kms.Decrypts == 1, "the call");
        reader.Kms.LetGo();
        Assert.All(await Task.WhenAll(reads), plaintext => Assert.Equal(TestKeys.Of(5), plaintext));
        Assert.Equal(TestKeys.Of(5), await reader.DecryptAsync(edek));
        Assert.Equal(1, reader.Kms.Decrypts);
        Assert.Equal(1, reader.Remote.CachedDeks);
    }

    [Fact]
    public async Task After_a_rotation_writes_use_the_new_KEK_and_the_old_one_still_opens()
    {
        await using RemoteFixture remote = await new RemoteFixture().ReadyAsync();
        byte[] old = await remote.EncryptAsync(1);
        string next = remote.Kms.Rotate().ToString();
        await Eventually.TrueAsync(() => remote.Status.KeyId == next, "the rotation noticed");
        Assert.Equal(next, Edek.Parse(await remote.EncryptAsync(2)).Kek.ToString());
        Assert.Equal(TestKeys.Of(1), await remote.DecryptAsync(old));
        Assert.Equal(0, remote.Kms.Decrypts);
    }

    [Fact]
    public async Task A_KEK_that_the_KMS_does_not_know_is_refused_before_any_call()
    {
        await using RemoteFixture remote = await new RemoteFixture().ReadyAsync();
        byte[] edek = await remote.EncryptAsync();
        byte[] foreign = [.. edek];
        TestKeys.Random(KeyFingerprint.Size).CopyTo(foreign, 6);
        await remote.RefusedAsync(FailureKind.NotFound, r => r.DecryptAsync(foreign));

        KeyFingerprint old = remote.Kms.Active;
        remote.Kms.Rotate();
        remote.Kms.Retire(old);
        int describes = remote.Kms.Describes;
        await Eventually.TrueAsync(() => remote.Kms.Describes > describes + 1, "the KMS asked again");
        FailureException gone = await remote.RefusedAsync(FailureKind.NotFound, r => r.DecryptAsync(edek));
        Assert.Contains(old.ToString(), gone.Message, StringComparison.Ordinal);
        Assert.Equal(0, remote.Kms.Decrypts);
    }

    [Theory]
    [InlineData(EdekSuite.Kek)]
    [InlineData(EdekSuite.Remote)]
    public async Task An_EDEK_of_another_custody_is_refused_by_its_suite(EdekSuite suite)
    {
        await using RemoteFixture remote = await new RemoteFixture().ReadyAsync();
        byte[] edek = new byte[200];
        Edek.WriteBound(edek, suite, remote.Kms.Active, default);
        FailureException refused = await remote.RefusedAsync(FailureKind.Invalid, r => r.DecryptAsync(edek));
        Assert.Contains($"suite {(int)suite}", refused.Message, StringComparison.Ordinal);
        Assert.Equal(0, remote.Kms.Decrypts);
    }

    // Behind magic, version, suite and fingerprint: length, wrapped DEK, nonce, ciphertext, tag.
    [Fact]
    public async Task Every_flipped_bit_is_refused_and_nothing_of_it_is_cached()
    {
        await using RemoteFixture remote = await new RemoteFixture().ReadyAsync();
        byte[] edek = await remote.EncryptAsync();
        int cached = remote.Remote.CachedDeks;
        for (int bit = 24 * 8; bit < edek.Length * 8; bit++)
        {
            edek[bit / 8] ^= (byte)(1 << (bit % 8));
            FailureException refused = await remote.RefusedAsync(FailureKind.Invalid, r => r.DecryptAsync(edek));
            Assert.StartsWith("the ciphertext does not open", refused.Message, StringComparison.Ordinal);
            edek[bit / 8] ^= (byte)(1 << (bit % 8));
        }

        Assert.Equal(cached, remote.Remote.CachedDeks);
        Assert.Equal(TestKeys.Of(1), await remote.DecryptAsync(edek));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(31)]
    [InlineData(33)]
    public async Task A_DEK_that_has_not_32_bytes_is_refused_and_not_kept(int length)
    {
        await using RemoteFixture writer = await new RemoteFixture().ReadyAsync();
        byte[] edek = await writer.EncryptAsync();
        await using RemoteFixture reader = await new RemoteFixture(writer.Kms).ReadyAsync();
        int inUse = reader.Arena.InUse;
        reader.Kms.MakeLength = _ => length;
        await reader.RefusedAsync(FailureKind.Invalid, r => r.DecryptAsync(edek));
        Assert.Equal((0, inUse), (reader.Remote.CachedDeks, reader.Arena.InUse));
        reader.Kms.MakeLength = right => right;
        Assert.Equal(TestKeys.Of(1), await reader.DecryptAsync(edek));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(Edek.MaxWrappedDekSize + 1)]
    [InlineData(5000)]
    public async Task A_wrapped_DEK_that_does_not_fit_is_refused_and_Status_says_so(int size)
    {
        ScriptedKms kms = new() { MakeCiphertext = _ => new byte[size] };
        await using RemoteFixture remote = new(kms, RemoteFixture.Options with { Timeout = TimeSpan.FromMilliseconds(200) });
        await Eventually.TrueAsync(() => remote.Status.Healthz.Contains("do not fit into an EDEK", StringComparison.Ordinal), "Status says why");
        Assert.Equal(kms.Active.ToString(), remote.Status.KeyId);
        await remote.RefusedAsync(FailureKind.Unavailable, r => r.EncryptAsync());
        Assert.Equal(0, remote.Remote.ReadyDeks);
        await Eventually.TrueAsync(() => remote.Arena.InUse == 0, "the DEKs of the refused batch wiped");
    }

    [Fact]
    public async Task The_largest_wrapped_DEK_fits_with_its_payload()
    {
        ScriptedKms kms = new() { MakeCiphertext = ciphertext => [.. ciphertext, .. new byte[Edek.MaxWrappedDekSize - ciphertext.Length]] };
        await using RemoteFixture remote = await new RemoteFixture(kms).ReadyAsync();
        byte[] edek = await remote.EncryptAsync();
        Assert.InRange(edek.Length, Edek.MaxWrappedDekSize, Edek.MaxSize);
        Assert.Equal(TestKeys.Of(1), await remote.DecryptAsync(edek));
    }

    [Fact]
    public async Task Disposing_wipes_every_DEK_and_gives_the_KMS_up()
    {
        RemoteFixture remote = await new RemoteFixture().ReadyAsync();
        await remote.EncryptAsync();
        await remote.EncryptAsync();
        await remote.DisposeAsync();
        Assert.Equal(0, remote.Arena.InUse);
        Assert.True(remote.Kms.Disposed);
    }

    // Few DEKs fit into the cache, KEKs rotate: every value comes back as it was written.
    [Fact]
    public async Task Storm()
    {
        await using RemoteFixture remote = await new RemoteFixture(
            options: RemoteFixture.Options with { DekMaxUses = 3, CacheEntries = 4 }).ReadyAsync();
        int rotations = 0;
        await Task.WhenAll(Enumerable.Range(0, 8).Select(caller => Task.Run(
            async () =>
            {
                Random random = new(caller);
                List<(byte Fill, byte[] Edek)> written = [];
                for (int i = 0; i < 300; i++)
                {
                    if (caller == 0 && i % 50 == 0)
                    {
                        remote.Kms.Rotate();
                        rotations++;
                    }

                    byte fill = (byte)random.Next(256);
                    written.Add((fill, await remote.EncryptAsync(fill)));
                    (byte expected, byte[] edek) = written[random.Next(written.Count)];
                    Assert.Equal(TestKeys.Of(expected), await remote.DecryptAsync(edek));
                }
            },
            TestContext.Current.CancellationToken)));
        Assert.Equal(6, rotations);
        Assert.InRange(remote.Remote.CachedDeks, 1, 4);
        await remote.DisposeAsync();
        Assert.Equal(0, remote.Arena.InUse);
    }
}
