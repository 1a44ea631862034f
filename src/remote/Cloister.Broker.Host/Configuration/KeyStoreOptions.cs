using Cloister.KeyStores.Aws;
using Cloister.KeyStores.Pkcs11;
using Cloister.KeyStores.Vault;

namespace Cloister.Broker.Host.Configuration;

/// <summary>A key store that never releases a KEK; one of the three.</summary>
/// <param name="Pkcs11">A token.</param>
/// <param name="Vault">Vault or OpenBao.</param>
/// <param name="Aws">AWS KMS.</param>
internal sealed record KeyStoreOptions(Pkcs11TokenOptions? Pkcs11, VaultTransitOptions? Vault, AwsKmsOptions? Aws);
