using System.Data.Common;
using System.Security.Cryptography;
using Cloister.Broker.Tests.Failures;
using Cloister.Contracts.KmsV2;
using Cloister.KeyStores;
using Cloister.KeyStores.RootKeys;
using Cloister.KeyStores.Tests.Stores;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace Cloister.Broker.Tests.Processes;

/// <summary>Keys rotate beside brokers that serve, and whatever kills a rotation.</summary>
public sealed class KeyRotationTests
{
    private const int WrappedSize = 72; // nonce 24, key 32, tag 16

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task TheRootKeyRotatesUnderTwoBrokersAndGoesOnAfterEveryKill()
    {
        using BrokerFolder folder = new(database: $"postgres:{(await PostgresServer.SharedAsync()).NewDatabase()}");
        string next = Path.Combine(folder.Folder, "UNPROTECTED-next.key");
        string more = $"newRootKey: {{ file: {next} }}";
        using SimulatedEnclave enclave = new(TimeProvider.System);
        Assert.Contains("--make-root-key", (await BrokerProcess.RunAsync(folder.WriteConfiguration(more))).Errors, StringComparison.Ordinal);
        Assert.Equal(0, (await BrokerProcess.RunAsync(folder.WriteConfiguration(more), "--make-root-key")).ExitCode);
        await using BrokerProcess one = await folder.StartAsync(more);
        await using BrokerProcess two = await folder.StartAsync(more);
        using KbsClient first = new(one.Url, one.Pin);
        using KbsClient second = new(two.Url, two.Pin);
        string kek = RunningPair.NewName();
        await using (OtherBroker admin = await folder.OpenAsync(one))
        {
            await admin.MakeKekAsync(kek, enclave.Policy());
        }

        await FillAsync(folder.Database, folder.RootKeyFile, 60);
        byte[] key = ReceivedLease.Read(await first.LeaseAsync(enclave, kek), enclave, one.Pin).Keys.Values.Single();
        List<string> before = await WrappedAsync(folder.Database);
        Assert.True(before.Count > 60, $"{before.Count} wrapped keys");

        int kills = 0;
        for (int goal = 1; kills < 3; goal += 15)
        {
            await using BrokerProcess rotation = BrokerProcess.Begin(folder.WriteConfiguration(more), "--rotate", "root");
            await using WrappedKeys keys = await OpenAsync(folder.Database, folder.RootKeyFile, next);
            IReadOnlyList<RootKeyStatus> status;
            do
            {
                Assert.False(rotation.HasExited, rotation.Errors);
                status = await keys.StatusAsync(Stop);
            }
            while (status.Count < 2 || status[1].Keys < goal);

            await rotation.KillAsync();
            status = await keys.StatusAsync(Stop);
            Assert.Equal([false, true], status.Select(root => root.IsCurrent));
            Assert.True(status[0].Keys > 0, "it was killed too late to prove anything");
            kills++;
            Assert.Contains("UNDER WAY", (await BrokerProcess.RunAsync(folder.WriteConfiguration(more), "--rotation-status")).Output, StringComparison.Ordinal);

            // Both brokers serve from keys of both.
            Assert.Equal(key, ReceivedLease.Read(await first.LeaseAsync(enclave, kek), enclave, one.Pin).Keys.Values.Single());
            Assert.Equal(key, ReceivedLease.Read(await second.LeaseAsync(enclave, kek), enclave, two.Pin).Keys.Values.Single());
        }

        (int exit, string output, string errors) = await BrokerProcess.RunAsync(folder.WriteConfiguration(more), "--rotate", "root");
        Assert.True(exit == 0, errors);
        Assert.StartsWith("wrapped ", output, StringComparison.Ordinal);
        Assert.Empty(before.Intersect(await WrappedAsync(folder.Database)));

        // Brokers go on, start again with the new one alone, and not with the old one.
        Assert.Equal(key, ReceivedLease.Read(await second.LeaseAsync(enclave, kek), enclave, two.Pin).Keys.Values.Single());
        KeyStoreException e = await Assert.ThrowsAsync<KeyStoreException>(() => OpenAsync(folder.Database, folder.RootKeyFile));
        Assert.Equal(KeyStoreFailure.Damaged, e.Failure);
        Assert.Contains("another root key", (await BrokerProcess.RunAsync(folder.WriteConfiguration())).Errors, StringComparison.Ordinal);
        using BrokerFolder after = new(database: folder.Database, rootKey: $"{{ file: {next} }}");
        await using BrokerProcess again = await after.StartAsync();
        Assert.Equal(one.Pin, again.Pin);
        using KbsClient third = new(again.Url, again.Pin);
        Assert.Equal(key, ReceivedLease.Read(await third.LeaseAsync(enclave, kek), enclave, again.Pin).Keys.Values.Single());
    }

    [Fact]
    public async Task NothingInTheDatabaseIsWrappedThatARotationDoesNotKnow()
    {
        using BrokerFolder folder = new();
        string next = Path.Combine(folder.Folder, "UNPROTECTED-next.key");
        string more = $"newRootKey: {{ file: {next} }}";
        using SimulatedEnclave enclave = new(TimeProvider.System);
        Assert.Equal(0, (await BrokerProcess.RunAsync(folder.WriteConfiguration(more), "--make-root-key")).ExitCode);
        await using (BrokerProcess broker = await folder.StartAsync(more))
        {
            await using OtherBroker admin = await folder.OpenAsync(broker);
            using KbsClient client = new(broker.Url, broker.Pin);
            await admin.MakeKekAsync("secrets", enclave.Policy());
            ReceivedLease.Read(await client.LeaseAsync(enclave, "secrets"), enclave, broker.Pin);

            // What would be forgotten, for the control: something wrapped by the root key elsewhere.
            using FileRootKey root = FileRootKey.Open(folder.RootKeyFile);
            await admin.State.SetSettingIfAbsentAsync("forgotten", root.Wrap(new byte[32], "x"u8), Stop);
        }

        List<string> before = await WrappedAsync(folder.Database);
        byte[] file = await File.ReadAllBytesAsync(Path.Combine(folder.Folder, "broker.db"), Stop);
        Assert.All(before, one => Assert.True(file.AsSpan().IndexOf(Convert.FromHexString(one[(one.IndexOf(' ', StringComparison.Ordinal) + 1)..])) >= 0));
        Assert.Equal(0, (await BrokerProcess.RunAsync(folder.WriteConfiguration(more), "--rotate", "root")).ExitCode);
        string left = Assert.Single(before.Intersect(await WrappedAsync(folder.Database)));
        Assert.StartsWith("Settings.", left, StringComparison.Ordinal);

        // Nor in pages that SQLite has freed.
        file = await File.ReadAllBytesAsync(Path.Combine(folder.Folder, "broker.db"), Stop);
        Assert.All(before.Where(one => one != left), one => Assert.True(file.AsSpan().IndexOf(Convert.FromHexString(one[(one.IndexOf(' ', StringComparison.Ordinal) + 1)..])) < 0, one));
    }

    [Fact]
    public async Task TheAuthorityRotatesUnderTwoBrokersAndEnclavesThatPinEitherKeyGoOn()
    {
        using BrokerFolder folder = new(database: $"postgres:{(await PostgresServer.SharedAsync()).NewDatabase()}");
        using EnclaveFolder enclaves = new(folder);
        using EnclaveFolder newer = new(enclaves);
        await using BrokerProcess one = await folder.StartAsync();
        await using BrokerProcess two = await folder.StartAsync();
        await using OtherBroker admin = await folder.OpenAsync(one);
        await admin.MakeKekAsync("secrets", enclaves.Policy("10s"));
        enclaves.Configure(one.Pin, [one.Url, two.Url]);
        await using EnclaveProcess enclave = new(enclaves);
        string keyId = await enclave.ReadyAsync();
        EncryptResponse encrypted = await enclave.EncryptAsync([1, 2, 3]);

        // Killed a little later each time, until one ends.
        (int exit, string output, string errors) = (-1, "", "");
        for (int delay = 100; delay < 2000; delay += 300)
        {
            await using BrokerProcess rotation = BrokerProcess.Begin(folder.WriteConfiguration(), "--rotate", "authority");
            await Task.Delay(delay, Stop);
            if (rotation.HasExited)
            {
                break;
            }

            await rotation.KillAsync();
        }

        (exit, output, errors) = await BrokerProcess.RunAsync(folder.WriteConfiguration(), "--rotate", "authority");
        Assert.True(exit == 0, errors);
        Assert.StartsWith($"authority {one.Authority} ", output, StringComparison.Ordinal);
        string pin = output.Split(' ')[3].TrimEnd(':');
        Assert.NotEqual(one.Pin, pin);

        // The authority is called as it was, its first key is gone, and brokers that run take the new one up.
        await using (WrappedKeys keys = await OpenAsync(folder.Database, folder.RootKeyFile))
        {
            string left = Assert.Single(await keys.KeysAsync(Stop), name => name.StartsWith("authority", StringComparison.Ordinal));
            Assert.EndsWith("/" + one.Authority, left, StringComparison.Ordinal);
        }

        newer.Configure(pin, [one.Url]);
        await using EnclaveProcess later = new(newer);
        Assert.Equal(keyId, await later.ReadyAsync());
        Assert.Equal([1, 2, 3], await later.DecryptAsync(encrypted));

        // The one that pins the old key renews (leases are of 10 s), at a broker that was started after the rotation too.
        await one.KillAsync();
        await two.KillAsync();
        await using BrokerProcess again = await folder.StartAsync(port: one.Url.Port);
        Assert.Equal(pin, again.Pin);
        await Task.Delay(TimeSpan.FromSeconds(12), Stop);
        Assert.Equal(keyId, await enclave.ReadyAsync());
        Assert.Equal([1, 2, 3], await enclave.DecryptAsync(encrypted));
        await using EnclaveProcess fresh = new(enclaves);
        await enclave.KillAsync();
        Assert.Equal(keyId, await fresh.ReadyAsync());
    }

    [Theory, InlineData("leases"), InlineData("tokens")]
    public async Task KeysOfLeasesAndTokensRotateAndWhatWasIssuedHolds(string key)
    {
        using BrokerFolder folder = new();
        using SimulatedEnclave enclave = new(TimeProvider.System);
        await using RunningPair broker = await RunningPair.StartAsync(folder);
        string kek = await broker.NewKekAsync(enclave);
        ReceivedLease lease = ReceivedLease.Read(await broker.Client.LeaseAsync(enclave, kek), enclave, broker.Process.Pin);
        string status = (await BrokerProcess.RunAsync(folder.WriteConfiguration(), "--rotation-status")).Output;
        (int exit, _, string errors) = await BrokerProcess.RunAsync(folder.WriteConfiguration(), "--rotate", key);
        Assert.True(exit == 0, errors);
        Assert.NotEqual(status, (await BrokerProcess.RunAsync(folder.WriteConfiguration(), "--rotation-status")).Output);
        await Task.Delay(TimeSpan.FromSeconds(8), Stop);
        ReceivedLease later = ReceivedLease.Read(await broker.Client.LeaseAsync(enclave, kek, lease.Terms.Lease), enclave, broker.Process.Pin);
        Assert.Equal(lease.Terms.Lease, later.Terms.Lease);
        Assert.Equal(key == "tokens", lease.Token.Split('.')[0] != later.Token.Split('.')[0]);
        await broker.Admin.RotateAsync(kek);
        foreach (string token in new[] { lease.Token, later.Token })
        {
            Assert.True((await broker.Client.WatchAsync(token, lease.Terms.Etag, 30)).Ok(Kbs.KbsJson.Default.WatchResponse).Changed);
        }
    }

    [Fact]
    public async Task TheAuthorityMovesIntoATokenAndSignsThere()
    {
        SoftHsm hsm = SoftHsm.Shared();
        string inToken = $"{{ pkcs11: {{ library: {hsm.Token.Library}, token: {hsm.Token.TokenLabel}, pinFile: {hsm.Token.PinFile}, label: {hsm.NewLabel()} }} }}";
        using BrokerFolder folder = new();
        using SimulatedEnclave enclave = new(TimeProvider.System);
        string kek;
        string pin;
        await using (RunningPair broker = await RunningPair.StartAsync(folder))
        {
            pin = broker.Process.Pin;
            kek = await broker.NewKekAsync(enclave);
        }

        string output = (await BrokerProcess.RunAsync(folder.WriteConfiguration($"newAuthorityKey: {inToken}"), "--rotate", "authority")).Output;
        Assert.StartsWith("authority ", output, StringComparison.Ordinal);
        Assert.Contains("name it as authorityKey", (await BrokerProcess.RunAsync(folder.WriteConfiguration())).Errors, StringComparison.Ordinal);
        await using BrokerProcess after = await folder.StartAsync($"authorityKey: {inToken}");
        Assert.Contains(after.Pin, output, StringComparison.Ordinal);
        Assert.NotEqual(pin, after.Pin);
        using KbsClient client = new(after.Url, pin);
        ReceivedLease.Read(await client.LeaseAsync(enclave, kek), enclave, pin);
        ReceivedLease.Read(await client.LeaseAsync(enclave, kek), enclave, after.Pin);
    }

    [Fact]
    public async Task AnAuthorityBeginsInAToken()
    {
        SoftHsm hsm = SoftHsm.Shared();
        string more = $"authorityKey: {{ pkcs11: {{ library: {hsm.Token.Library}, token: {hsm.Token.TokenLabel}, pinFile: {hsm.Token.PinFile}, label: {hsm.NewLabel()} }} }}";
        using BrokerFolder folder = new();
        using SimulatedEnclave enclave = new(TimeProvider.System);
        string pin;
        await using (BrokerProcess broker = await folder.StartAsync(more))
        {
            pin = broker.Pin;
        }

        await using BrokerProcess again = await folder.StartAsync(more);
        Assert.Equal(pin, again.Pin);
        await using OtherBroker admin = await folder.OpenAsync(again);
        using KbsClient client = new(again.Url, again.Pin);
        await admin.MakeKekAsync("secrets", enclave.Policy());
        Assert.Single(ReceivedLease.Read(await client.LeaseAsync(enclave, "secrets"), enclave, pin).Keys);
    }

    private static async Task<WrappedKeys> OpenAsync(string database, params string[] roots)
    {
        WrappedKeys keys = await WrappedKeys.OpenAsync(database, Stop);
        try
        {
            await keys.UnlockAsync([.. roots.Select(FileRootKey.Open)], Stop);
            return keys;
        }
        catch
        {
            await keys.DisposeAsync();
            throw;
        }
    }

    // Keys of a name that nobody uses, so that a rotation takes a while.
    private static async Task FillAsync(string database, string root, int count)
    {
        await using WrappedKeys keys = await OpenAsync(database, root);
        for (int i = 0; i < count; i++)
        {
            await keys.AddAsync(WrappedName.OfKey($"unused/{i}"), RandomNumberGenerator.GetBytes(32), Stop);
        }
    }

    // Whatever has the size of a wrapped key, in any column of any table, as bytes, hex or base64: "TABLE.COLUMN HEX".
    private static async Task<List<string>> WrappedAsync(string database)
    {
        bool isPostgres = database.StartsWith("postgres:", StringComparison.Ordinal);
        await using DbConnection connection = isPostgres
            ? new NpgsqlConnection(database["postgres:".Length..])
            : new SqliteConnection($"Data Source={database["sqlite:".Length..]};Pooling=False");
        await connection.OpenAsync(Stop);
        List<string> tables = [];
        await using (DbCommand command = connection.CreateCommand())
        {
            command.CommandText = isPostgres
                ? "SELECT quote_ident(table_name) FROM information_schema.tables WHERE table_schema = 'public'"
                : "SELECT name FROM sqlite_master WHERE type = 'table'";
            await using DbDataReader reader = await command.ExecuteReaderAsync(Stop);
            while (await reader.ReadAsync(Stop))
            {
                tables.Add(reader.GetString(0));
            }
        }

        List<string> found = [];
        foreach (string table in tables)
        {
            await using DbCommand command = connection.CreateCommand();
#pragma warning disable CA2100 // names of the database's own tables
            command.CommandText = $"SELECT * FROM {table}";
#pragma warning restore CA2100
            await using DbDataReader reader = await command.ExecuteReaderAsync(Stop);
            while (await reader.ReadAsync(Stop))
            {
                for (int i = 0; i < reader.FieldCount; i++)
                {
                    byte[] value = reader.GetValue(i) switch
                    {
                        byte[] bytes => bytes,
                        string { Length: 2 * WrappedSize } hex when hex.All(char.IsAsciiHexDigit) => Convert.FromHexString(hex),
                        string { Length: WrappedSize / 3 * 4 } text when !text.All(char.IsAsciiHexDigit) => Decoded(text),
                        _ => [],
                    };
                    if (value.Length == WrappedSize)
                    {
                        found.Add($"{table}.{reader.GetName(i)} {Convert.ToHexString(value)}");
                    }
                }
            }
        }

        return found;
    }

    private static byte[] Decoded(string text)
    {
        byte[] bytes = new byte[WrappedSize];
        return Convert.TryFromBase64String(text, bytes, out int length) && length == WrappedSize ? bytes : [];
    }
}
