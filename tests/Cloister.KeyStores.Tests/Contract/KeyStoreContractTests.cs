using System.Security.Cryptography;
using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Cloister.KeyStores.Tests.Stores;

namespace Cloister.KeyStores.Tests.Contract;

/// <summary>What every key store does, whatever keeps its keys.</summary>
public sealed class KeyStoreContractTests
{
    private static readonly EnvelopeContext Context = new(EnvelopeContext.DekPurpose, "prod-eu-1", "tee");

    public static TheoryData<string> Stores => StoresUnderTest.Names;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory, MemberData(nameof(Stores))]
    public async Task What_is_wrapped_unwraps_also_after_a_restart(string name)
    {
        await using IStoreUnderTest under = await StoresUnderTest.StartAsync(name);
        KekIdentity kek = NewKek();
        ReadOnlyMemory<byte>[] items = [Random(32), Random(1), Random(4096), Random(32)];
        IReadOnlyList<byte[]> wrapped;
        await using (IKeyStore store = await under.OpenAsync())
        {
            await store.CreateAsync(kek, Cancellation);
            await store.CheckAsync(Cancellation);
            wrapped = await store.WrapAsync(kek, Context, items, Cancellation);
            AssertSame(items, await store.UnwrapAsync(kek, Context, Of(wrapped), Cancellation));
        }

        await using IKeyStore again = await under.OpenAsync();
        await again.CheckAsync(Cancellation);
        AssertSame(items, await again.UnwrapAsync(kek, Context, Of(wrapped), Cancellation));
        Assert.True(wrapped[0].Length <= 896);
    }

    [Theory, MemberData(nameof(Stores))]
    public async Task Wrapping_twice_gives_different_bytes(string name)
    {
        await using IStoreUnderTest under = await StoresUnderTest.StartAsync(name);
        await using IKeyStore store = await under.OpenAsync();
        KekIdentity kek = NewKek();
        await store.CreateAsync(kek, Cancellation);
        byte[] item = Random(32);
        IReadOnlyList<byte[]> wrapped = await store.WrapAsync(kek, Context, [item, item], Cancellation);
        Assert.NotEqual(wrapped[0], wrapped[1]);
    }

    [Theory, MemberData(nameof(Stores))]
    public async Task Only_the_same_context_and_KEK_unwrap(string name)
    {
        await using IStoreUnderTest under = await StoresUnderTest.StartAsync(name);
        await using IKeyStore store = await under.OpenAsync();
        KekIdentity kek = NewKek();
        KekIdentity other = kek with { Version = 2, Generation = NewKek().Generation };
        await store.CreateAsync(kek, Cancellation);
        await store.CreateAsync(other, Cancellation);
        ReadOnlyMemory<byte>[] wrapped = Of(await store.WrapAsync(kek, Context, [Random(32)], Cancellation));
        foreach (EnvelopeContext wrong in (EnvelopeContext[])[Context.For("kms"), new("dek", "prod-eu-2", "tee"), new("dek", "prod-eu-1", "tea")])
        {
            Assert.Null(Assert.Single(await store.UnwrapAsync(kek, wrong, wrapped, Cancellation)));
        }

        Assert.Null(Assert.Single(await store.UnwrapAsync(other, Context, wrapped, Cancellation)));
        Assert.NotNull(Assert.Single(await store.UnwrapAsync(kek, Context, wrapped, Cancellation)));
    }

    [Theory, MemberData(nameof(Stores))]
    public async Task What_was_tampered_with_is_null_and_its_neighbours_are_not(string name)
    {
        await using IStoreUnderTest under = await StoresUnderTest.StartAsync(name);
        await using IKeyStore store = await under.OpenAsync();
        KekIdentity kek = NewKek();
        await store.CreateAsync(kek, Cancellation);
        byte[] item = Random(32);
        byte[] good = (await store.WrapAsync(kek, Context, [item], Cancellation))[0];
        List<ReadOnlyMemory<byte>> items = [good];
        for (int i = 0; i < good.Length; i += 1 + (good.Length / 24))
        {
            byte[] changed = [.. good];
            changed[i] ^= 1;
            items.Add(changed);
        }

        items.AddRange([good.AsMemory(..^1), good.AsMemory(1..), good.AsMemory(..8), (byte[])[.. good, 0], ReadOnlyMemory<byte>.Empty, Random(200), good]);
        IReadOnlyList<byte[]?> unwrapped = await store.UnwrapAsync(kek, Context, items, Cancellation);
        Assert.Equal(items.Count, unwrapped.Count);
        Assert.Equal(item, unwrapped[0]);
        Assert.Equal(item, unwrapped[^1]);
        Assert.All(unwrapped.Skip(1).SkipLast(1), Assert.Null);
    }

    [Theory, MemberData(nameof(Stores))]
    public async Task An_unknown_KEK_does_nothing(string name)
    {
        await using IStoreUnderTest under = await StoresUnderTest.StartAsync(name);
        await using IKeyStore store = await under.OpenAsync();
        KekIdentity kek = NewKek();
        await AssertFailsAsync(KeyStoreFailure.Unknown, () => store.WrapAsync(kek, Context, [Random(32)], Cancellation));
        await AssertFailsAsync(KeyStoreFailure.Unknown, () => store.UnwrapAsync(kek, Context, [Random(92)], Cancellation));
        await AssertFailsAsync(store.CanRelease ? KeyStoreFailure.Unknown : KeyStoreFailure.Denied, () => store.ReleaseAsync(kek, new byte[32], Cancellation));
        await store.DestroyAsync(kek, Cancellation);
    }

    [Theory, MemberData(nameof(Stores))]
    public async Task A_KEK_is_created_once_and_gone_when_destroyed(string name)
    {
        await using IStoreUnderTest under = await StoresUnderTest.StartAsync(name);
        KekIdentity kek = NewKek();
        await using IKeyStore store = await under.OpenAsync();
        await store.CreateAsync(kek, Cancellation);
        await AssertFailsAsync(KeyStoreFailure.Exists, () => store.CreateAsync(kek, Cancellation));
        ReadOnlyMemory<byte>[] wrapped = Of(await store.WrapAsync(kek, Context, [Random(32)], Cancellation));
        await store.DestroyAsync(kek, Cancellation);
        await store.DestroyAsync(kek, Cancellation);
        await AssertFailsAsync(KeyStoreFailure.Unknown, () => store.UnwrapAsync(kek, Context, wrapped, Cancellation));
        await using IKeyStore again = await under.OpenAsync();
        await AssertFailsAsync(KeyStoreFailure.Unknown, () => again.UnwrapAsync(kek, Context, wrapped, Cancellation));
    }

    [Theory, MemberData(nameof(Stores))]
    public async Task Keys_go_in_and_out_where_a_store_releases_them_and_nowhere_else(string name)
    {
        await using IStoreUnderTest under = await StoresUnderTest.StartAsync(name);
        await using IKeyStore store = await under.OpenAsync();
        KekIdentity kek = NewKek();
        byte[] key = Random(32);
        if (!store.CanRelease)
        {
            await AssertFailsAsync(KeyStoreFailure.Denied, () => store.ImportAsync(kek, key, Cancellation));
            await store.CreateAsync(kek, Cancellation);
            await AssertFailsAsync(KeyStoreFailure.Denied, () => store.ReleaseAsync(kek, new byte[32], Cancellation));
            return;
        }

        await store.ImportAsync(kek, key, Cancellation);
        await store.ImportAsync(kek, key, Cancellation);
        await AssertFailsAsync(KeyStoreFailure.Exists, () => store.ImportAsync(kek, Random(32), Cancellation));
        await AssertFailsAsync(KeyStoreFailure.Exists, () => store.CreateAsync(kek, Cancellation));
        await using IKeyStore again = await under.OpenAsync();
        byte[] released = new byte[32];
        await again.ReleaseAsync(kek, released, Cancellation);
        Assert.Equal(key, released);
    }

    [Theory, MemberData(nameof(Stores))]
    public async Task Items_of_a_wrong_size_are_refused(string name)
    {
        await using IStoreUnderTest under = await StoresUnderTest.StartAsync(name);
        await using IKeyStore store = await under.OpenAsync();
        KekIdentity kek = NewKek();
        await store.CreateAsync(kek, Cancellation);
        await Assert.ThrowsAsync<ArgumentException>(() => store.WrapAsync(kek, Context, [Random(32), ReadOnlyMemory<byte>.Empty], Cancellation));
        await Assert.ThrowsAsync<ArgumentException>(() => store.WrapAsync(kek, Context, [Random(4097)], Cancellation));
    }

    [Theory, MemberData(nameof(Stores))]
    public async Task Many_use_it_at_once(string name)
    {
        await using IStoreUnderTest under = await StoresUnderTest.StartAsync(name);
        await using IKeyStore store = await under.OpenAsync();
        KekIdentity[] keks = [NewKek(), NewKek()];
        foreach (KekIdentity kek in keks)
        {
            await store.CreateAsync(kek, Cancellation);
        }

        await Task.WhenAll(Enumerable.Range(0, 16).Select(worker => Task.Run(async () =>
        {
            KekIdentity kek = keks[worker % keks.Length];
            for (int round = 0; round < 4; round++)
            {
                ReadOnlyMemory<byte>[] items = [.. Enumerable.Range(0, 8).Select(_ => (ReadOnlyMemory<byte>)Random(32))];
                IReadOnlyList<byte[]> wrapped = await store.WrapAsync(kek, Context, items, Cancellation);
                AssertSame(items, await store.UnwrapAsync(kek, Context, Of(wrapped), Cancellation));
            }
        })));
    }

    [Theory, MemberData(nameof(Stores))]
    public async Task A_disposed_store_does_nothing(string name)
    {
        await using IStoreUnderTest under = await StoresUnderTest.StartAsync(name);
        IKeyStore store = await under.OpenAsync();
        KekIdentity kek = NewKek();
        await store.CreateAsync(kek, Cancellation);
        ReadOnlyMemory<byte>[] wrapped = Of(await store.WrapAsync(kek, Context, [Random(32)], Cancellation));
        await store.DisposeAsync();
        await store.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => store.CheckAsync(Cancellation));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => store.CreateAsync(NewKek(), Cancellation));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => store.WrapAsync(kek, Context, [Random(32)], Cancellation));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => store.UnwrapAsync(kek, Context, wrapped, Cancellation));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => store.DestroyAsync(kek, Cancellation));
    }

    private static KekIdentity NewKek() => new("0123456789abcdef0123456789abcdef", "prod", 1, Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)));

    private static byte[] Random(int size) => RandomNumberGenerator.GetBytes(size);

    private static ReadOnlyMemory<byte>[] Of(IReadOnlyList<byte[]> items) => [.. items.Select(i => (ReadOnlyMemory<byte>)i)];

    private static void AssertSame(ReadOnlyMemory<byte>[] expected, IReadOnlyList<byte[]?> actual) => Assert.Equal(expected.Select(e => e.ToArray()), actual);

    private static async Task AssertFailsAsync(KeyStoreFailure failure, Func<Task> call) =>
        Assert.Equal(failure, (await Assert.ThrowsAsync<KeyStoreException>(call)).Failure);
}
