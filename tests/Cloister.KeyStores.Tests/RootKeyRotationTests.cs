using Cloister.Contracts.Keys;
using Cloister.KeyStores.Database;
using Cloister.KeyStores.RootKeys;
using Cloister.KeyStores.Tests.Stores;
using Dapper;
using Microsoft.Data.Sqlite;

namespace Cloister.KeyStores.Tests;

public sealed class RootKeyRotationTests : IDisposable
{
    private readonly TestFolder _folder = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private string Address => $"sqlite:{_folder.File("keys.db")}";

    [Fact]
    public async Task Whatever_fails_at_whichever_call_a_rotation_goes_on_and_nothing_is_lost()
    {
        Dictionary<string, byte[]> made = await MakeAsync(5);
        int failed = 0;
        for (int calls = 0; ; calls++)
        {
            using Failing old = new(Old(), calls);
            using Failing next = new(New(), calls);
            try
            {
                await using WrappedKeys keys = await OpenAsync(old, next);
                await new RootKeyRotation(keys, next).RunAsync(Stop);
                break;
            }
            catch (KeyStoreException e) when (e.Failure == KeyStoreFailure.Unavailable)
            {
                failed++;
                await AssertOpensAsync(made, Old(), New());
            }
        }

        Assert.True(failed > 5, $"it failed only {failed} times");
        await AssertOpensAsync(made, New());
        await Assert.ThrowsAsync<KeyStoreException>(() => OpenAsync(Old()));
    }

    [Fact]
    public async Task A_second_rotation_waits_for_the_first_one_and_the_same_one_has_nothing_to_do()
    {
        await MakeAsync(3);
        using (Failing old = new(Old(), 1))
        {
            await using WrappedKeys keys = await OpenAsync(old, New());
            await Assert.ThrowsAsync<KeyStoreException>(() => new RootKeyRotation(keys, New()).RunAsync(Stop));
        }

        await using (WrappedKeys keys = await OpenAsync(Old(), New(), Root("UNPROTECTED-3")))
        {
            KeyStoreException e = await Assert.ThrowsAsync<KeyStoreException>(() => new RootKeyRotation(keys, Root("UNPROTECTED-3")).RunAsync(Stop));
            Assert.Equal(KeyStoreFailure.Exists, e.Failure);
            e = await Assert.ThrowsAsync<KeyStoreException>(() => new RootKeyRotation(keys, Old()).RunAsync(Stop));
            Assert.Equal(KeyStoreFailure.Exists, e.Failure);
        }

        await using WrappedKeys again = await OpenAsync(Old(), New());
        Assert.True(await new RootKeyRotation(again, New()).RunAsync(Stop) > 0);
        Assert.Equal(0, await new RootKeyRotation(again, New()).RunAsync(Stop));
    }

    [Fact]
    public async Task A_broker_that_has_both_root_keys_goes_on_during_and_after_and_wraps_by_the_new_one()
    {
        Dictionary<string, byte[]> made = await MakeAsync(3);
        await using WrappedKeys broker = await OpenAsync(Old(), New());
        await using (WrappedKeys keys = await OpenAsync(Old(), New()))
        {
            await new RootKeyRotation(keys, New()).RunAsync(Stop);
        }

        made["later"] = [.. Enumerable.Repeat((byte)9, 32)];
        Assert.True(await broker.AddAsync(WrappedName.OfKey("later"), made["later"], Stop));
        foreach ((string name, byte[] key) in made)
        {
            Assert.Equal(key, await broker.FindAsync(WrappedName.OfKey(name), one => one.ToArray(), Stop));
        }

        await AssertOpensAsync(made, New());
    }

    [Fact]
    public async Task A_broker_without_the_new_root_key_writes_nothing_under_the_old_one()
    {
        await MakeAsync(1);
        await using WrappedKeys broker = await OpenAsync(Old());
        await using (WrappedKeys keys = await OpenAsync(Old(), New()))
        {
            await new RootKeyRotation(keys, New()).RunAsync(Stop);
        }

        KeyStoreException e = await Assert.ThrowsAsync<KeyStoreException>(() => broker.AddAsync(WrappedName.OfKey("later"), new byte[32], Stop));
        Assert.Equal(KeyStoreFailure.Damaged, e.Failure);
        Assert.Contains("another root key", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_wrapped_key_of_an_unknown_kind_keeps_the_old_root_key()
    {
        await MakeAsync(1);
        await using SqliteConnection database = new($"Data Source={_folder.File("keys.db")};Pooling=False");
        await database.ExecuteAsync("INSERT INTO wrapped_keys (kind, name, root, wrapped) VALUES ('new', 'thing', 1, X'00')");
        await using WrappedKeys keys = await OpenAsync(Old(), New());
        KeyStoreException e = await Assert.ThrowsAsync<KeyStoreException>(() => new RootKeyRotation(keys, New()).RunAsync(Stop));
        Assert.Equal(KeyStoreFailure.Denied, e.Failure);
        Assert.Contains("new thing", e.Message, StringComparison.Ordinal);
        Assert.Equal(2, await database.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM root_keys"));

        // Nobody can take the old one away either, and the other row's place does not open another's.
        await Assert.ThrowsAsync<SqliteException>(() => database.ExecuteAsync("DELETE FROM root_keys WHERE id = 1"));
    }

    [Fact]
    public async Task A_row_in_the_place_of_another_stops_the_rotation_by_its_name()
    {
        await MakeAsync(2);
        await using SqliteConnection database = new($"Data Source={_folder.File("keys.db")};Pooling=False");
        await database.ExecuteAsync("UPDATE wrapped_keys SET wrapped = (SELECT wrapped FROM wrapped_keys WHERE name = 'k0') WHERE name = 'k1'");
        await using WrappedKeys keys = await OpenAsync(Old(), New());
        KeyStoreException e = await Assert.ThrowsAsync<KeyStoreException>(() => new RootKeyRotation(keys, New()).RunAsync(Stop));
        Assert.Equal(KeyStoreFailure.Damaged, e.Failure);
        Assert.Contains("key k1", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Between_files_and_tokens(bool toToken)
    {
        string label = SoftHsm.Shared().NewLabel();
        Func<Pkcs11RootKey> token = () => Pkcs11RootKey.Open(SoftHsm.Shared().Token, label, create: true);
        (Func<IRootKey> from, Func<IRootKey> to) = toToken ? ((Func<IRootKey>)Old, (Func<IRootKey>)token) : (token, New);
        KekIdentity kek = new("0123456789abcdef0123456789abcdef", "prod", 1, "00112233445566778899aabbccddeeff");
        byte[] key = new byte[32];
        await using (DatabaseKeyStore store = await DatabaseKeyStore.OpenAsync(Address, from(), Stop))
        {
            await store.CreateAsync(kek, Stop);
            await store.ReleaseAsync(kek, key, Stop);
        }

        await using (WrappedKeys keys = await OpenAsync(from(), to()))
        {
            using IRootKey next = to();
            Assert.Equal(1, await new RootKeyRotation(keys, next).RunAsync(Stop));
        }

        await using DatabaseKeyStore after = await DatabaseKeyStore.OpenAsync(Address, to(), Stop);
        byte[] again = new byte[32];
        await after.ReleaseAsync(kek, again, Stop);
        Assert.Equal(key, again);
    }

    [Fact]
    public async Task Keys_of_the_first_schema_are_taken_over()
    {
        KekIdentity kek = new("0123456789abcdef0123456789abcdef", "prod-eu.1", 7, "00112233445566778899aabbccddeeff");
        byte[] key = [.. Enumerable.Range(1, 32).Select(i => (byte)i)];
        await using (SqliteConnection database = new($"Data Source={_folder.File("keys.db")};Pooling=False"))
        {
            using FileRootKey root = Old();
            await database.ExecuteAsync(
                """
                CREATE TABLE kek_material_schema (version BIGINT NOT NULL);
                INSERT INTO kek_material_schema VALUES (1);
                CREATE TABLE kek_material (
                    authority TEXT NOT NULL, name TEXT NOT NULL, version BIGINT NOT NULL, generation TEXT NOT NULL, wrapped BLOB NOT NULL,
                    PRIMARY KEY (authority, name, version, generation));
                INSERT INTO kek_material VALUES (@Authority, @Name, @Version, @Generation, @Wrapped)
                """,
                new { kek.Authority, kek.Name, Version = (long)kek.Version, kek.Generation, Wrapped = root.Wrap(key, KekAad.OfKek(kek)) });
        }

        KeyStoreException e = await Assert.ThrowsAsync<KeyStoreException>(() => DatabaseKeyStore.OpenAsync(Address, New(), Stop));
        Assert.Equal(KeyStoreFailure.Damaged, e.Failure);
        await using DatabaseKeyStore store = await DatabaseKeyStore.OpenAsync(Address, Old(), Stop);
        byte[] released = new byte[32];
        await store.ReleaseAsync(kek, released, Stop);
        Assert.Equal(key, released);
    }

    public void Dispose() => _folder.Dispose();

    private FileRootKey Old() => Root("UNPROTECTED-1");

    private FileRootKey New() => Root("UNPROTECTED-2");

    private FileRootKey Root(string name) => FileRootKey.Open(_folder.File(name));

    private async Task<WrappedKeys> OpenAsync(params IRootKey[] roots)
    {
        WrappedKeys keys = await WrappedKeys.OpenAsync(Address, Stop);
        try
        {
            await keys.UnlockAsync(roots, Stop);
            return keys;
        }
        catch
        {
            await keys.DisposeAsync();
            throw;
        }
    }

    private async Task<Dictionary<string, byte[]>> MakeAsync(int count)
    {
        await using WrappedKeys keys = await OpenAsync(Old());
        Dictionary<string, byte[]> made = Enumerable.Range(0, count).ToDictionary(i => $"k{i}", i => Enumerable.Repeat((byte)(i + 1), 32).ToArray());
        foreach ((string name, byte[] key) in made)
        {
            Assert.True(await keys.AddAsync(WrappedName.OfKey(name), key, Stop));
        }

        return made;
    }

    private async Task AssertOpensAsync(Dictionary<string, byte[]> made, params IRootKey[] roots)
    {
        await using WrappedKeys keys = await OpenAsync(roots);
        foreach ((string name, byte[] key) in made)
        {
            Assert.Equal(key, await keys.FindAsync(WrappedName.OfKey(name), one => one.ToArray(), Stop));
        }
    }

    // A root key that goes away after so many calls.
    private sealed class Failing(IRootKey inner, int calls) : IRootKey
    {
        private int _left = calls;

        public byte[] Wrap(ReadOnlySpan<byte> kek, ReadOnlySpan<byte> aad)
        {
            Count();
            return inner.Wrap(kek, aad);
        }

        public void Unwrap(ReadOnlySpan<byte> wrapped, ReadOnlySpan<byte> aad, Span<byte> kek)
        {
            Count();
            inner.Unwrap(wrapped, aad, kek);
        }

        public void Dispose() => inner.Dispose();

        private void Count()
        {
            if (--_left < 0)
            {
                throw new KeyStoreException(KeyStoreFailure.Unavailable, "the root key is away");
            }
        }
    }
}
