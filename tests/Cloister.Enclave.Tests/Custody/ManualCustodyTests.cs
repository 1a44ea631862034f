using System.Security.Cryptography;
using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Cloister.Enclave.Base;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Keys;
using Cloister.Enclave.Keys.Memory;
using Cloister.Enclave.Tests.Support;

namespace Cloister.Enclave.Tests.Custody;

public sealed class ManualCustodyTests : IDisposable
{
    private readonly SecretArena _arena = new(2048);

    public void Dispose() => _arena.Dispose();

    [Fact]
    public async Task Without_a_KEK_everything_says_what_to_do()
    {
        await using ManualCustody custody = Empty();
        Assert.Null(custody.Status.KeyId);
        Assert.Equal(FailureKind.NotReady, custody.Status.ErrorCode);
        Assert.Contains("cloister kek create", custody.Status.Healthz, StringComparison.Ordinal);
        FailureException encrypt = await Assert.ThrowsAsync<FailureException>(() => EncryptAsync(custody));
        Assert.Equal((FailureKind.NotReady, custody.Status.Healthz), (encrypt.Kind, encrypt.Message));

        await using ManualCustody other = TestKeys.Custody(_arena);
        FailureException decrypt = await Assert.ThrowsAsync<FailureException>(async () => await DecryptAsync(custody, await EncryptAsync(other)));
        Assert.Equal(FailureKind.NotReady, decrypt.Kind);
    }

    [Fact]
    public async Task A_wipe_takes_effect_while_a_change_waits_for_the_platform()
    {
        using TestFolder folder = new();
        KeySealer platform = new(TestKeys.Of(3));
        EnvelopeContext context = new(EnvelopeContext.KmsPurpose, "c1", "p1");
        await using ManualCustody custody = new(context, _arena, new SealedKeks(folder.File("keks.sealed"), context, platform, _arena));
        custody.Create("secrets");
        byte[] edek = await EncryptAsync(custody);
        platform.Hang(true);
        Task changing = Task.Run(() => custody.Create("secrets"), TestContext.Current.CancellationToken);
        await Eventually.TrueAsync(() => platform.Waiting == 1, "the change waits");
        Task wiping = Task.Run(custody.Wipe, TestContext.Current.CancellationToken);
        await Eventually.TrueAsync(() => custody.Status.KeyId is null, "wiped");
        await Assert.ThrowsAsync<FailureException>(() => DecryptAsync(custody, edek));
        Assert.False(wiping.IsCompleted);
        platform.Hang(false);
        Assert.Equal(FailureKind.NotReady, (await Assert.ThrowsAsync<FailureException>(() => changing)).Kind);
        await wiping;
        Assert.Null(custody.Status.KeyId);
        Assert.Empty(custody.Ring.All);
    }

    [Fact]
    public async Task Create_makes_the_next_version_active_and_older_ones_still_open()
    {
        await using ManualCustody custody = Empty();
        Kek first = custody.Create("secrets");
        byte[] edek = await EncryptAsync(custody);
        Kek second = custody.Create("secrets");
        Kek other = custody.Create("other");

        Assert.Equal([1u, 2u, 1u], custody.Ring.All.Select(kek => kek.Identity.Version));
        Assert.Equal(3, new[] { first, second, other }.Select(kek => kek.KeyId).Distinct().Count());
        Assert.Equal((other.KeyId, "ok"), (custody.Status.KeyId, custody.Status.Healthz));
        Assert.Equal(new byte[32], await DecryptAsync(custody, edek));
    }

    [Fact]
    public async Task The_same_KEK_has_the_same_key_id_everywhere_and_again_is_no_error()
    {
        await using ManualCustody one = TestKeys.Custody(_arena);
        await using ManualCustody two = TestKeys.Custody(_arena);
        Assert.Equal(one.Status, two.Status);
        Assert.Equal(new byte[32], await DecryptAsync(two, await EncryptAsync(one)));

        Kek again = one.Import("k", 1, TestKeys.Of(7), activate: true);
        Assert.Same(one.Ring.Active, again);
        Assert.Single(one.Ring.All);
        Assert.Equal(2, _arena.InUse);
    }

    [Fact]
    public async Task Another_key_under_the_same_name_and_version_is_refused()
    {
        await using ManualCustody custody = TestKeys.Custody(_arena);
        KekRing before = custody.Ring;
        FailureException refused = Assert.Throws<FailureException>(() => custody.Import("k", 1, TestKeys.Of(8), activate: true));
        Assert.Equal(FailureKind.NotReady, refused.Kind);
        Assert.Same(before, custody.Ring);
        Assert.Equal(1, _arena.InUse);
        Assert.NotEqual(before.Active!.KeyId, custody.Import("k", 2, TestKeys.Of(8), activate: true).KeyId);
    }

    [Fact]
    public async Task An_inactive_KEK_opens_but_does_not_write_until_it_is_imported_as_active()
    {
        await using ManualCustody source = TestKeys.Custody(_arena, key: 8);
        byte[] edek = await EncryptAsync(source);

        await using ManualCustody custody = Empty();
        custody.Import("k", 1, TestKeys.Of(8), activate: false);
        Assert.Null(custody.Status.KeyId);
        Assert.Contains("no KEK is active", custody.Status.Healthz, StringComparison.Ordinal);
        Assert.Equal(FailureKind.NotReady, (await Assert.ThrowsAsync<FailureException>(() => EncryptAsync(custody))).Kind);
        Assert.Equal(new byte[32], await DecryptAsync(custody, edek));

        Kek active = custody.Import("k", 1, TestKeys.Of(8), activate: true);
        Assert.Equal(active.KeyId, custody.Status.KeyId);
        custody.Import("k", 1, TestKeys.Of(8), activate: false);
        Assert.Equal(active.KeyId, custody.Status.KeyId);
    }

    [Theory]
    [InlineData("", 1u, 32)]
    [InlineData("UPPER", 1u, 32)]
    [InlineData("-k", 1u, 32)]
    [InlineData("k", 0u, 32)]
    [InlineData("k", 1u, 0)]
    [InlineData("k", 1u, 31)]
    [InlineData("k", 1u, 33)]
    public async Task A_wrong_name_version_or_length_is_refused(string name, uint version, int length)
    {
        await using ManualCustody custody = Empty();
        FailureException refused = Assert.Throws<FailureException>(() => custody.Import(name, version, new byte[length], activate: true));
        Assert.Equal(FailureKind.Invalid, refused.Kind);
        Assert.Empty(custody.Ring.All);
        Assert.Equal(0, _arena.InUse);
    }

    [Fact]
    public async Task There_is_no_version_after_the_last_one()
    {
        await using ManualCustody custody = Empty();
        custody.Import("k", uint.MaxValue, TestKeys.Of(1), activate: true);
        Assert.Equal(FailureKind.NotReady, Assert.Throws<FailureException>(() => custody.Create("k")).Kind);
        Assert.Equal(1u, custody.Create("other").Identity.Version);
    }

    [Fact]
    public async Task A_full_ring_takes_no_more_until_one_is_retired()
    {
        await using ManualCustody custody = Empty();
        for (int i = 0; i < KekRing.MaxSize; i++)
        {
            custody.Create("k");
        }

        KekRing before = custody.Ring;
        Assert.Equal(FailureKind.LimitReached, Assert.Throws<FailureException>(() => custody.Create("k")).Kind);
        Assert.Equal(FailureKind.LimitReached, Assert.Throws<FailureException>(() => custody.Import("x", 1, TestKeys.Of(1), activate: true)).Kind);
        Assert.Same(before, custody.Ring);
        Assert.Equal(KekRing.MaxSize, _arena.InUse);
        custody.Retire(before.All[0].KeyId);
        custody.Create("k");
    }

    [Fact]
    public async Task Retire_removes_what_writes_do_not_use()
    {
        await using ManualCustody custody = Empty();
        Kek old = custody.Create("k");
        byte[] edek = await EncryptAsync(custody);
        Assert.Equal(FailureKind.NotReady, Assert.Throws<FailureException>(() => custody.Retire(old.KeyId)).Kind);
        Assert.Equal(FailureKind.NotFound, Assert.Throws<FailureException>(() => custody.Retire("cl1-00")).Kind);
        Kek active = custody.Create("k");

        custody.Retire(old.KeyId);

        Assert.Equal([active], custody.Ring.All);
        Assert.Equal(1, _arena.InUse);
        FailureException gone = await Assert.ThrowsAsync<FailureException>(() => DecryptAsync(custody, edek));
        Assert.Equal(FailureKind.NotFound, gone.Kind);
        Assert.Contains(old.KeyId, gone.Message, StringComparison.Ordinal);
        Assert.Equal(FailureKind.NotFound, Assert.Throws<FailureException>(() => custody.Retire(old.KeyId)).Kind);
    }

    [Fact]
    public async Task Wipe_removes_every_key_from_memory_and_KEKs_can_come_back()
    {
        await using ManualCustody custody = TestKeys.Custody(_arena);
        byte[] edek = await EncryptAsync(custody);
        custody.Create("k");
        custody.Wipe();
        Assert.Equal(0, _arena.InUse);
        Assert.Null(custody.Status.KeyId);
        Assert.Equal(FailureKind.NotReady, (await Assert.ThrowsAsync<FailureException>(() => DecryptAsync(custody, edek))).Kind);
        Assert.Equal(FailureKind.NotReady, Assert.Throws<FailureException>(() => custody.Import("k", 1, TestKeys.Of(7), activate: true)).Kind);
        custody.Import("k", 1, TestKeys.Of(7), activate: false);
        Assert.Equal(new byte[32], await DecryptAsync(custody, edek));
    }

    public static TheoryData<string> WeakKeks => ["zeros", "one byte", "a pattern", "a pattern of 16", "counting", "counting down", "steps", "few bytes"];

    [Theory]
    [MemberData(nameof(WeakKeks))]
    public async Task A_KEK_that_nobody_drew_at_random_is_refused(string kind)
    {
        byte[] key = [.. Enumerable.Range(0, 32).Select(i => unchecked((byte)(kind switch
        {
            "zeros" => 0,
            "one byte" => 0xA5,
            "a pattern" => "cloister"[i % 8],
            "a pattern of 16" => SHA256.HashData("p"u8)[i % 16],
            "counting" => i,
            "counting down" => 200 - i,
            "steps" => i * 37,
            _ => i * i % 11,
        })))];
        await using ManualCustody custody = Empty();
        FailureException refused = Assert.Throws<FailureException>(() => custody.Import("k", 1, key, activate: false));
        Assert.Equal(FailureKind.Invalid, refused.Kind);
        Assert.Contains("not random", refused.Message, StringComparison.Ordinal);
        Assert.Empty(custody.Ring.All);
        Assert.Equal(0, _arena.InUse);
    }

    [Fact]
    public void Random_KEKs_are_taken()
    {
        for (int i = 0; i < 100_000; i++)
        {
            Assert.True(KekStrength.IsPlausible(RandomNumberGenerator.GetBytes(32)));
        }
    }

    [Fact]
    public async Task Dispose_wipes()
    {
        ManualCustody custody = TestKeys.Custody(_arena);
        await custody.DisposeAsync();
        Assert.Equal(0, _arena.InUse);
        Assert.Null(custody.Status.KeyId);
    }

    [Theory]
    [InlineData(EdekSuite.RemoteDek)]
    [InlineData(EdekSuite.Remote)]
    public async Task An_EDEK_of_another_custody_is_refused_by_its_suite(EdekSuite suite)
    {
        await using ManualCustody custody = TestKeys.Custody(_arena);
        byte[] edek = new byte[200];
        Edek.WriteBound(edek, suite, custody.Ring.Active!.Fingerprint, new byte[40]);
        FailureException refused = await Assert.ThrowsAsync<FailureException>(() => DecryptAsync(custody, edek));
        Assert.Equal(FailureKind.Invalid, refused.Kind);
        Assert.Contains($"suite {(int)suite}", refused.Message, StringComparison.Ordinal);
    }

    private static async Task<byte[]> EncryptAsync(ManualCustody custody)
    {
        byte[] edek = new byte[Edek.MaxSize];
        EncryptResult result = await custody.EncryptAsync(new byte[32], edek, TestContext.Current.CancellationToken);
        return edek[..result.Length];
    }

    private static async Task<byte[]> DecryptAsync(ManualCustody custody, byte[] edek)
    {
        byte[] plaintext = new byte[Edek.MaxSize];
        KeyFingerprint kek = Edek.Parse(edek).Kek;
        int length = await custody.DecryptAsync(kek, edek, plaintext, TestContext.Current.CancellationToken);
        return plaintext[..length];
    }

    private ManualCustody Empty() => new(TestKeys.Context(), _arena, sealedKeks: null);
}
