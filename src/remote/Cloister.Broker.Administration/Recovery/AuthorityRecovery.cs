using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Cloister.AdminApi;
using Cloister.Broker.State;
using Cloister.Broker.Tokens;
using Cloister.Recovery;

namespace Cloister.Broker.Administration.Recovery;

/// <summary>
/// The authority's key out of the broker as recovery shares (docs/recovery-shares.md), and the proof that they restore it. They are restored where no
/// administrator can reach: into an empty database, by <c>cloister-broker --restore-authority</c>. Each act is checked against a role and is in the
/// audit log. Thread-safe. secrets: the key in pinned memory, wiped; shares pass through as texts, which leave sealed.
/// </summary>
public sealed class AuthorityRecovery
{
    private readonly AuditedActs _acts;
    private readonly BrokerAuthority _authority;

    /// <summary>Recovery for a broker of this authority, which stays the caller's.</summary>
    public AuthorityRecovery(IBrokerState state, BrokerAuthority authority) => (_acts, _authority) = (new AuditedActs(state), authority);

    /// <summary>Splits the key into shares, each signed with it, and sealed to its keeper.</summary>
    /// <exception cref="AdministrationException">Wrong role, or numbers that cannot be.</exception>
    public Task<IReadOnlyList<SealedRecoveryShare>> ExportAsync(Administrator by, int threshold, ShareKeepers keepers)
    {
        JsonObject details = new() { ["authority"] = _authority.Id, ["threshold"] = threshold, ["keepers"] = keepers.Pins() };
        return _acts.RunAsync(by, AdministratorRole.KeyCustodian, "authority.export", details, () =>
        {
            keepers.RequireThreshold(threshold);
            if (_authority.Keys.Certificates.Count > 1)
            {
                throw new AdministrationException(
                    "the authority's key was rotated, and shares restore an authority's first key alone: keep those of it. They restore a broker for enclaves that pin that key too",
                    AdministrationFailure.Refused);
            }

            string commitment = Convert.ToHexStringLower(SHA256.HashData(_authority.PublicKey));
            return Task.FromResult(WithKey(key => keepers.Seal(
                RecoveryShares.SplitAuthority(_authority.Id, key, threshold, keepers.Count).Select(share => share.Sign(commitment, _authority)))));
        });
    }

    /// <summary>Restores in memory, compares with this authority's first key, wipes. Nothing is changed.</summary>
    /// <exception cref="AdministrationException">Wrong role.</exception>
    public Task<AuthorityDrill> DrillAsync(Administrator by, IReadOnlyList<string> shares)
    {
        JsonObject details = new() { ["shares"] = shares.Count };
        return _acts.RunAsync(by, AdministratorRole.KeyCustodian, "authority.drill", details, () =>
        {
            AuthorityDrill drill = Compare(shares);
            (details["authority"], details["matches"]) = (drill.Authority, drill.Matches);
            return Task.FromResult(drill);
        });
    }

    /// <summary>True when the first share is of an authority's key; false too when it is no share, of which then the one for KEKs tells.</summary>
    internal static bool IsFor(IReadOnlyList<string> shares)
    {
        try
        {
            return shares.Count > 0 && RecoveryShare.Parse(shares[0]).Kek is null;
        }
        catch (RecoveryShareException)
        {
            return false;
        }
    }

    private AuthorityDrill Compare(IReadOnlyList<string> shares)
    {
        byte[] restored = GC.AllocateArray<byte>(BrokerAuthority.KeySize, pinned: true);
        try
        {
            string authority = RecoveryShares.CombineAuthority([.. shares.Select(RecoveryShare.Parse)], restored);
            bool matches = authority == _authority.Id && NameOf(restored) == _authority.Id;
            return new AuthorityDrill(authority, matches, matches ? "" : "the shares restore the key of another authority than this broker's: they are of another broker");
        }
        catch (RecoveryShareException e)
        {
            return new AuthorityDrill("", false, e.Message);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(restored);
        }
    }

    // What an authority of this key is called; nothing for what is no key.
    private static string NameOf(byte[] scalar)
    {
        try
        {
            using SigningKey key = new(ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = scalar }));
            return key.Name;
        }
        catch (CryptographicException)
        {
            return "";
        }
    }

    private T WithKey<T>(Func<byte[], T> use)
    {
        byte[] key = GC.AllocateArray<byte>(BrokerAuthority.KeySize, pinned: true);
        try
        {
            _authority.ExportKey(key);
            return use(key);
        }
        catch (CryptographicException e)
        {
            throw new AdministrationException($"{e.Message}: its backup is the token's own", AdministrationFailure.Refused);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }
}
