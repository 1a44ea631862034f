using Cloister.KeyStores.Pkcs11;

namespace Cloister.Broker.Host.Configuration;

/// <summary>Where the root key is: a file, or a key of a token.</summary>
/// <param name="File">Path of the file (development), or null.</param>
/// <param name="Token">The token, or null.</param>
/// <param name="Label">Label of the key in the token.</param>
internal sealed record RootKeyOptions(string? File, Pkcs11TokenOptions? Token, string Label);

/// <summary>An authority key in a token.</summary>
/// <param name="Token">The token.</param>
/// <param name="Label">Label of the key pair in it.</param>
internal sealed record AuthorityKeyOptions(Pkcs11TokenOptions Token, string Label);
