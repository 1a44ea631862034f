using Cloister.Enclave.Base;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Keys;
using Cloister.Enclave.Keys.Memory;
using Cloister.Enclave.Tests.Support;

namespace Cloister.Enclave.Tests.Custody;

public sealed class SealedKeksTests : IDisposable
{
    private readonly SecretArena _arena = new(256);
    private readonly TestFolder _folder = new();

    public void Dispose()
    {
        _folder.Dispose();
        _arena.Dispose();
    }

    private string File => _folder.File("keks.sealed");

    [Fact]
    public async Task A_restart_finds_the_same_ring()
    {
        List<string> keyIds;
        string? active;
        await using (ManualCustody custody = Open())
        {
            custody.Create("secrets");
            custody.Import("a-name.of-" + new string('9', 53), 4_000_000_000, TestKeys.Of(9), activate: true);
            custody.Create("secrets");
            custody.Import("z", 1, TestKeys.Of(3), activate: false);
            custody.Retire(custody.Ring.All[0].KeyId);
            keyIds = [.. custody.Ring.All.Select(kek => kek.KeyId)];
            active = custody.Status.KeyId;
        }

        Assert.Equal(0, _arena.InUse);
        await using ManualCustody again = Open();
        Assert.Equal(keyIds, again.Ring.All.Select(kek => kek.KeyId));
        Assert.Equal(active, again.Status.KeyId);
        Assert.Equal(keyIds.Count, _arena.InUse);
    }

    [Fact]
    public async Task A_ring_with_no_active_KEK_comes_back_as_such()
    {
        await using (ManualCustody custody = Open())
        {
            custody.Import("k", 1, TestKeys.Of(1), activate: false);
        }

        await using ManualCustody again = Open();
        Assert.Single(again.Ring.All);
        Assert.Null(again.Ring.Active);
    }

    [Fact]
    public void Without_a_file_the_ring_is_empty() => Assert.Equal((KekRing.Empty, KekHistory.Empty), Sealed().Load());

    [Fact]
    public async Task The_file_is_its_owners_alone_and_holds_no_key_in_clear()
    {
        await MakeAsync();
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, System.IO.File.GetUnixFileMode(File));
        Assert.Equal(-1, System.IO.File.ReadAllBytes(File).AsSpan().IndexOf(TestKeys.Of(0x42).AsSpan(0, 8)));
        Assert.Equal([File], Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public async Task Saving_the_same_ring_twice_gives_different_bytes()
    {
        byte[] first = await MakeAsync();
        System.IO.File.Delete(File);
        byte[] second = await MakeAsync();
        Assert.Equal(first.Length, second.Length);
        Assert.NotEqual(first[5..29], second[5..29]);
        Assert.NotEqual(first[29..], second[29..]);
    }

    [Fact]
    public async Task Every_flipped_bit_is_refused_and_leaves_no_key_behind()
    {
        byte[] good = await MakeAsync();
        for (int bit = 0; bit < good.Length * 8; bit++)
        {
            byte[] changed = [.. good];
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            RefusedWith(changed);
        }
    }

    [Fact]
    public async Task Truncated_at_any_length_it_is_refused()
    {
        byte[] good = await MakeAsync();
        for (int length = 0; length < good.Length; length++)
        {
            RefusedWith(good[..length]);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(1000)]
    [InlineData(300 * 1024)]
    public async Task With_bytes_behind_it_is_refused(int more)
    {
        byte[] good = await MakeAsync();
        RefusedWith([.. good, .. new byte[more]]);
    }

    [Theory]
    [InlineData("cluster-2", "cloister", 1)]
    [InlineData("cluster-1", "other", 1)]
    [InlineData("cluster-1", "cloister", 2)]
    public async Task Of_another_cluster_provider_or_sealing_key_it_is_refused(string cluster, string provider, byte sealingKey)
    {
        await MakeAsync();
        SealException refused = Assert.Throws<SealException>(() => Sealed(cluster, provider, sealingKey).Load());
        Assert.Contains(File, refused.Message, StringComparison.Ordinal);
        Assert.Contains("provision the KEKs again", refused.Message, StringComparison.Ordinal);
        Assert.Equal(0, _arena.InUse);
    }

    // A place that cannot be written, in ways that hold for root as well.
    [Theory]
    [InlineData("the folder is gone")]
    [InlineData("a folder stands in the way of the new file")]
    [InlineData("a folder stands in the way of the file")]
    public async Task Where_nothing_can_be_written_nothing_changes(string why)
    {
        await using ManualCustody custody = Open();
        custody.Create("k");
        Kek active = custody.Create("k");
        KekRing before = custody.Ring;
        CustodyStatus status = custody.Status;
        System.IO.File.Delete(File);
        switch (why)
        {
            case "the folder is gone":
                Directory.Delete(_folder.Path);
                break;
            case "a folder stands in the way of the new file":
                Directory.CreateDirectory(File + ".new");
                break;
            default:
                Directory.CreateDirectory(File);
                break;
        }

        Assert.Throws<SealException>(() => custody.Create("k"));
        Assert.Throws<SealException>(() => custody.Import("x", 1, TestKeys.Of(1), activate: true));
        Assert.Throws<SealException>(() => custody.Import("x", 1, TestKeys.Of(1), activate: false));
        Assert.Throws<SealException>(() => custody.Retire(before.All[0].KeyId));

        Assert.Same(before, custody.Ring);
        Assert.Same(status, custody.Status);
        Assert.Equal(active.KeyId, custody.Status.KeyId);
        Assert.Equal(2, _arena.InUse);
        byte[] edek = new byte[1024];
        await custody.EncryptAsync(new byte[32], edek, TestContext.Current.CancellationToken);
        Directory.CreateDirectory(_folder.Path);
    }

    [Fact]
    public async Task A_place_that_cannot_be_written_refuses_the_change_and_leaves_the_ring_and_the_copy_as_they_were()
    {
        string keyId;
        await using (ManualCustody custody = Open())
        {
            keyId = custody.Create("k").KeyId;
            Directory.CreateDirectory(File + ".new");
            SealException refusal = Assert.Throws<SealException>(() => custody.Create("k"));
            Assert.Contains("has space", refusal.Message, StringComparison.Ordinal);
            Assert.Equal(keyId, Assert.Single(custody.Ring.All).KeyId);
            Assert.Equal(1, _arena.InUse);
        }

        await using ManualCustody again = Open();
        Assert.Equal(keyId, again.Status.KeyId);
    }

    [Fact]
    public async Task Wipe_leaves_no_KEK_in_the_file_and_what_was_active_stays_known()
    {
        await using ManualCustody custody = Open();
        custody.Create("k");
        string last = custody.Import("k", 2, TestKeys.Of(2), activate: true).KeyId;
        long before = new FileInfo(File).Length;
        custody.Wipe();
        Assert.True(new FileInfo(File).Length < before - 64, "both KEKs are out of the file");

        await using ManualCustody again = Open();
        Assert.Empty(again.Ring.All);
        Assert.Equal(FailureKind.NotReady, Assert.Throws<FailureException>(() => again.Import("k", 1, TestKeys.Of(1), activate: true)).Kind);
        Assert.Equal(last, again.Import("k", 2, TestKeys.Of(2), activate: true).KeyId);
        Assert.Equal(3u, again.Create("k").Identity.Version);
    }

    [Theory]
    [InlineData("the same enclave")]
    [InlineData("after a restart")]
    [InlineData("after retiring it")]
    [InlineData("after a wipe and a restart")]
    [InlineData("with another name in between")]
    public async Task What_was_active_once_never_is_again(string when)
    {
        ManualCustody custody = Open();
        try
        {
            Kek first = custody.Import("k", 1, TestKeys.Of(1), activate: true);
            string second = custody.Import(when == "with another name in between" ? "other" : "k", 2, TestKeys.Of(2), activate: true).KeyId;
            if (when == "after retiring it")
            {
                custody.Retire(first.KeyId);
            }

            if (when.StartsWith("after a wipe", StringComparison.Ordinal))
            {
                custody.Wipe();
            }

            if (when.EndsWith("restart", StringComparison.Ordinal))
            {
                await custody.DisposeAsync();
                custody = Open();
            }

            string? active = custody.Status.KeyId;
            FailureException refused = Assert.Throws<FailureException>(() => custody.Import("k", 1, TestKeys.Of(1), activate: true));
            Assert.Equal(FailureKind.NotReady, refused.Kind);
            Assert.Contains("--inactive", refused.Message, StringComparison.Ordinal);
            Assert.Equal(active, custody.Status.KeyId);
            custody.Import("k", 1, TestKeys.Of(1), activate: false);
            Assert.Equal(active, custody.Status.KeyId);
            Assert.NotEqual(second, custody.Import("k", 3, TestKeys.Of(3), activate: true).KeyId);
        }
        finally
        {
            await custody.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_version_above_the_active_one_becomes_active_after_those_between_were_skipped()
    {
        await using ManualCustody custody = Open();
        custody.Import("k", 5, TestKeys.Of(5), activate: true);
        Assert.Throws<FailureException>(() => custody.Import("k", 4, TestKeys.Of(4), activate: true));
        Assert.Equal(6u, custody.Create("k").Identity.Version);
    }

    [Fact]
    public async Task Wipe_wipes_the_memory_even_if_the_file_cannot_be_removed()
    {
        await using ManualCustody custody = Open();
        custody.Create("k");
        System.IO.File.Delete(File);
        Directory.CreateDirectory(Path.Combine(File, "inner"));
        Assert.Throws<SealException>(custody.Wipe);
        Assert.Equal(0, _arena.InUse);
        Assert.Equal(FailureKind.NotReady, custody.Status.ErrorCode);
        Assert.Null(custody.Status.KeyId);
    }

    private async Task<byte[]> MakeAsync()
    {
        await using ManualCustody custody = Open();
        custody.Import("k", 1, TestKeys.Of(0x42), activate: true);
        return await System.IO.File.ReadAllBytesAsync(File, TestContext.Current.CancellationToken);
    }

    private void RefusedWith(byte[] content)
    {
        System.IO.File.WriteAllBytes(File, content);
        Assert.Throws<SealException>(() => Sealed().Load());
        Assert.Equal(0, _arena.InUse);
    }

    private ManualCustody Open() => new(TestKeys.Context(), _arena, Sealed());

    private SealedKeks Sealed(string cluster = "cluster-1", string provider = "cloister", byte sealingKey = 1) =>
        new(File, TestKeys.Context(cluster, provider), new FixedSealer(sealingKey), _arena);
}
