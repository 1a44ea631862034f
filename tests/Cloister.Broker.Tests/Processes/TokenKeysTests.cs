using Cloister.Kbs;
using Cloister.KeyStores.Pkcs11;
using Cloister.KeyStores.RootKeys;
using Cloister.KeyStores.Tests.Stores;

namespace Cloister.Broker.Tests.Processes;

/// <summary>A broker whose root key is in a token (SoftHSM), and whose KEKs may be there too.</summary>
public sealed class TokenKeysTests
{
    [Fact]
    public async Task ATokenIsRootKeyAndKeyStore()
    {
        SoftHsm hsm = SoftHsm.Shared();
        string label = hsm.NewLabel();
        string token = $"library: {hsm.Token.Library}, token: {hsm.Token.TokenLabel}, pinFile: {hsm.Token.PinFile}";
        using BrokerFolder folder = new(rootKey: $"{{ pkcs11: {{ {token}, label: {label} }} }}", keyStore: $"keyStore: {{ pkcs11: {{ {token} }} }}");
        using SimulatedEnclave enclave = new(TimeProvider.System);
        string kept;
        string released;
        string pin;
        byte[] wrapped;
        await using (BrokerProcess process = await folder.StartAsync()) // makes the root key
        {
            pin = process.Pin;
        }

        await using (RunningPair broker = await RunningPair.StartAsync(folder, Pkcs11RootKey.Open(hsm.Token, label, create: false), new Pkcs11KeyStore(hsm.Token)))
        {
            Assert.Equal(pin, broker.Process.Pin);
            kept = await broker.NewKekAsync(enclave, release: false, store: "pkcs11");
            released = await broker.NewKekAsync(enclave);
            ReceivedLease lease = ReceivedLease.Read(await broker.Client.LeaseAsync(enclave, kept), enclave, pin);
            Assert.Empty(lease.Keys);
            wrapped = (await broker.Client.CryptoAsync(KbsPaths.Wrap, lease.Token, lease.Terms.Versions[0].KeyId, [[1, 2, 3]])).Ok(KbsJson.Default.CryptoResponse).Items[0]!;
            Assert.Single(ReceivedLease.Read(await broker.Client.LeaseAsync(enclave, released), enclave, pin).Keys);
        }

        await using BrokerProcess again = await folder.StartAsync();
        using KbsClient client = new(again.Url, again.Pin);
        ReceivedLease later = ReceivedLease.Read(await client.LeaseAsync(enclave, kept), enclave, pin);
        Assert.Equal(
            [[1, 2, 3]],
            (await client.CryptoAsync(KbsPaths.Unwrap, later.Token, later.Terms.Versions[0].KeyId, [wrapped])).Ok(KbsJson.Default.CryptoResponse).Items);
        Assert.Single(ReceivedLease.Read(await client.LeaseAsync(enclave, released), enclave, pin).Keys);
    }
}
