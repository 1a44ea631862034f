using System.Globalization;
using System.Text;
using Cloister.Contracts.Keys;

namespace Cloister.KeyStores.RootKeys;

/// <summary>
/// What is wrapped is called by its kind and name, and bound to both: a row put in the place of another one does not open. A kind that is added here is
/// re-wrapped with the others when the root key rotates.
/// </summary>
/// <param name="Kind"><see cref="KekKind"/> or <see cref="KeyKind"/>.</param>
/// <param name="Name">Its name among those of its kind.</param>
public sealed record WrappedName(string Kind, string Name)
{
    /// <summary>KEKs: <c>authority/name/version/generation</c>.</summary>
    public const string KekKind = "kek";

    /// <summary>The broker's own keys, by their use.</summary>
    public const string KeyKind = "key";

    /// <summary>A KEK's.</summary>
    public static WrappedName Of(KekIdentity kek) =>
        new(KekKind, string.Create(CultureInfo.InvariantCulture, $"{kek.Authority}/{kek.Name}/{kek.Version}/{kek.Generation}"));

    /// <summary>That of a key of the broker's own.</summary>
    public static WrappedName OfKey(string use) => new(KeyKind, use);

    /// <summary>What the wrapped key is bound to.</summary>
    /// <exception cref="KeyStoreException">Denied: no name of this program's.</exception>
    internal byte[] Aad() => Kind switch
    {
        KekKind when Name.Split('/') is [var authority, var name, var version, var generation]
            && uint.TryParse(version, NumberStyles.None, CultureInfo.InvariantCulture, out uint number) => KekAad.OfKek(new KekIdentity(authority, name, number, generation)),
        KeyKind => [.. "cloister-broker-v1 "u8, .. Encoding.UTF8.GetBytes(Name)],
        _ => throw new KeyStoreException(KeyStoreFailure.Denied, $"the database has a wrapped key that this program does not know: {Kind} {Name}. A newer broker made it"),
    };
}
