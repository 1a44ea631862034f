using Microsoft.Extensions.Logging;

namespace Cloister.Broker.Host.Hosting;

/// <summary>Everything a broker logs, on standard error. What happens to enclaves and keys is in the audit log. secrets: none.</summary>
internal sealed partial class BrokerLog(ILogger<BrokerLog> logger)
{
    /// <summary>Started.</summary>
    [LoggerMessage(Level = LogLevel.Information, Message = "cloister-broker {Version}: authority {Authority}, {Database}, key stores {Stores}")]
    public partial void Started(string version, string authority, object database, object stores);

    /// <summary>What came of protecting memory.</summary>
    [LoggerMessage(Level = LogLevel.Information, Message = "memory: {Report}")]
    public partial void Memory(string report);

    /// <summary>Memory that is not protected.</summary>
    [LoggerMessage(Level = LogLevel.Warning, Message = "memory: {Report}")]
    public partial void MemoryNotProtected(string report);

    /// <summary>A development root key.</summary>
    [LoggerMessage(Level = LogLevel.Warning, Message = "THE ROOT KEY IS A FILE: {Path}. Whoever reads it and the database has every KEK. For development only.")]
    public partial void FileRootKey(string path);

    /// <summary>Keys of the authority that were rotated.</summary>
    [LoggerMessage(Level = LogLevel.Information, Message = "rotated keys are taken up: the authority's pin is {Pin}")]
    public partial void KeysTakenUp(string pin);

    /// <summary>A policy lets simulated TEEs in.</summary>
    [LoggerMessage(Level = LogLevel.Warning, Message = "policy {Policy} trusts roots of its own: SIMULATED TEEs may get the KEKs it governs")]
    public partial void OwnRoots(string policy);

    /// <summary>A policy that the configuration forbids.</summary>
    [LoggerMessage(Level = LogLevel.Error, Message = "policy {Policy} accepts nothing: {Refusal}")]
    public partial void RootsNotAllowed(string policy, string refusal);

    /// <summary>Acts without a second person.</summary>
    [LoggerMessage(Level = LogLevel.Warning, Message = "ONE ADMINISTRATOR ALONE CAN: {Acts}. Whoever has that key can have KEKs. These take two where two administrators have the role, unless admin.twoPersons says otherwise (docs/broker-administration.md)")]
    public partial void OnePersonActs(string acts);

    /// <summary>Acts that cannot be done.</summary>
    [LoggerMessage(Level = LogLevel.Warning, Message = "admin.twoPersons: {Acts} can be asked for and never approved: fewer than two administrators have the role")]
    public partial void NobodyApproves(string acts);

    /// <summary>Recovery of a lost database.</summary>
    [LoggerMessage(Level = LogLevel.Warning, Message = "admin.restoreUnknown: KEK versions are restored that this broker has no record of: forged shares are not found out. Remove it when all are back")]
    public partial void RestoresUnknown();

    /// <summary>Roots besides the vendors' are allowed.</summary>
    [LoggerMessage(Level = LogLevel.Warning, Message = "otherRoots: policies may trust roots besides the vendors': SIMULATED TEEs may get KEKs. Not for production")]
    public partial void OtherRootsAllowed();

    /// <summary>A row that no broker made, or a database that went back.</summary>
    [LoggerMessage(Level = LogLevel.Critical, Message = "NOT AUTHENTIC: {Problem}")]
    public partial void NotAuthentic(string problem);

    /// <summary>The first start of a version that authenticates rows.</summary>
    [LoggerMessage(Level = LogLevel.Warning, Message = "policies, KEKs, revocations and requests of the database are authenticated from now on, as they are: the audit log has them as rows.adopted. Compare them with what should be there")]
    public partial void RowsAdopted();

    /// <summary>Nothing is kept outside of the database.</summary>
    [LoggerMessage(Level = LogLevel.Warning, Message = "the configuration has no stateDirectory: after a start this broker cannot tell that the database went back to an older state")]
    public partial void NoStateDirectory();

    /// <summary>Nothing outside of the database says what the audit log was.</summary>
    [LoggerMessage(Level = LogLevel.Warning, Message = "audit.directory: there is no place outside of the database where the head of the audit log is remembered: WHOEVER WRITES THE DATABASE CAN REWRITE THE LOG between two starts (docs/audit-log.md)")]
    public partial void HeadHasNoPlace();

    /// <summary>A first start on a database that has a log.</summary>
    [LoggerMessage(Level = LogLevel.Warning, Message = "this broker remembers nothing of the audit log, which has a checkpoint of entry {Size}: it is taken for what it is, and remembered from now on")]
    public partial void HeadUnknown(long size);

    /// <summary>What was signed is not remembered.</summary>
    [LoggerMessage(Level = LogLevel.Error, Message = "the head of the audit log cannot be remembered in {Path}: {Problem}")]
    public partial void HeadNotRemembered(string? path, string problem);

    /// <summary>A checkpoint did not get where it should.</summary>
    [LoggerMessage(Level = LogLevel.Warning, Message = "a checkpoint of the audit log did not get to {Target}: {Problem}")]
    public partial void CheckpointNotSent(string target, string problem);

    /// <summary>The log was changed, or went back.</summary>
    [LoggerMessage(Level = LogLevel.Critical, Message = "{Problem}")]
    public partial void AuditConflict(string problem);

    /// <summary>Contents of entries are gone.</summary>
    [LoggerMessage(Level = LogLevel.Information, Message = "pruned {Count} entries of the audit log: their hashes stay")]
    public partial void AuditPruned(int count);

    /// <summary>Nobody can administer it.</summary>
    [LoggerMessage(Level = LogLevel.Warning, Message = "the configuration has no section admin: nobody can make KEKs or policies")]
    public partial void NoAdministration();

    /// <summary>SEV-SNP without revocation lists from AMD.</summary>
    [LoggerMessage(Level = LogLevel.Warning, Message = "collateral.kds is not set: SEV-SNP evidence is checked against no revocation list, unless collateral.directory has crl.der. Tokens and the audit log say revocationChecked: false")]
    public partial void NoRevocationForSnp();

    /// <summary>A part that is needed does not answer.</summary>
    [LoggerMessage(Level = LogLevel.Error, Message = "{Route}: {Problem}")]
    public partial void Unavailable(string route, string problem);

    /// <summary>A failure of this program.</summary>
    [LoggerMessage(Level = LogLevel.Error, Message = "{Route}: failed")]
    public partial void Failed(string route, Exception exception);

    /// <summary>Background work failed; it is tried again.</summary>
    [LoggerMessage(Level = LogLevel.Error, Message = "{Work} failed and is tried again: {Problem}")]
    public partial void BackgroundFailed(string work, string problem);

    /// <summary>Key versions are gone.</summary>
    [LoggerMessage(Level = LogLevel.Information, Message = "destroyed {Count} KEK versions whose time had come")]
    public partial void Destroyed(int count);

    /// <summary>Enclaves that will be refused.</summary>
    [LoggerMessage(Level = LogLevel.Warning, Message = "{Count} enclaves that have a lease will be refused soon: 'cloister enclaves forecast' says which, and why")]
    public partial void FailingSoon(int count);

    /// <summary>Somebody could not sign on.</summary>
    [LoggerMessage(Level = LogLevel.Warning, Message = "somebody could not sign on to the console: {Problem}")]
    public partial void SignOnFailed(string problem);

    /// <summary>The configuration was read again.</summary>
    [LoggerMessage(Level = LogLevel.Information, Message = "configuration read again, digest {Digest}: administrators, what signing on gives, twoPersons and restoreUnknown are in force; the rest counts from the next start on")]
    public partial void Reloaded(string digest);

    /// <summary>It was not.</summary>
    [LoggerMessage(Level = LogLevel.Error, Message = "the configuration was not reloaded: {Problem}")]
    public partial void NotReloaded(string problem);

    /// <summary>Stopping.</summary>
    [LoggerMessage(Level = LogLevel.Information, Message = "stopping")]
    public partial void Stopping();
}
