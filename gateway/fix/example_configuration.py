"""An example configuration for a QuickFIX client."""

from __future__ import annotations

from gateway.fix.encoding import BEGIN_STRING
from gateway.fix.peer import VENUE_COMP_ID

DICTIONARY_NAME = "FIX44-exchange.xml"
"""What the configuration calls the data dictionary."""

_CONFIGURATION = """\
# A QuickFIX initiator for the exchange. {dictionary} is served at /fix/dictionary.xml and printed by
# `exchange admin fix dictionary`. Username and Password go into the Logon (553, 554): the client sets them in toAdmin.
[DEFAULT]
ConnectionType=initiator
BeginString={begin_string}
UseDataDictionary=Y
DataDictionary={folder}{dictionary}
ValidateFieldsOutOfOrder=Y
ValidateFieldsHaveValues=Y
ValidateUserDefinedFields=Y
# Numbers and messages are kept in files, so that a session goes on where it was left.
FileStorePath={folder}fix-store
FileLogPath={folder}fix-log
PersistMessages=Y
ResetOnLogon=N
StartTime=00:00:00
EndTime=00:00:00
HeartBtInt=30
ReconnectInterval=2
SocketNodelay=Y

[SESSION]
SenderCompID={comp_id}
TargetCompID={venue}
SocketConnectHost={host}
SocketConnectPort={port}
"""


def example_configuration(comp_id: str, host: str, port: str, folder: str = "") -> str:
    """The text of a configuration file for a counterparty that connects to HOST:PORT and keeps its files in a folder."""
    return _CONFIGURATION.format(
        folder=f"{folder}/" if folder else "",
        dictionary=DICTIONARY_NAME,
        begin_string=BEGIN_STRING,
        comp_id=comp_id,
        venue=VENUE_COMP_ID,
        host=host,
        port=port,
    )
